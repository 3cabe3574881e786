//! Writes the checked sets as an expression of constants. Judges nothing.
//!
//! No absolute path is written: files are included by `CARGO_MANIFEST_DIR`, which the compiler puts in and, but for
//! debug builds' look at the directory, forgets again.

use std::collections::BTreeMap;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use whimbrel::{Digest, Key, Kind, Migration, ScriptFile, layout};

use crate::sets::Checked;

/// The expression for the sets read from `place`.
pub(crate) fn embedded(place: &str, sets: &[Checked]) -> TokenStream {
    let mut texts = Vec::new();
    let mut tree = Folder::default();
    let sets: Vec<_> = sets.iter().map(|checked| set(place, checked, &mut texts, &mut tree)).collect();
    let entries = tree.entries("");
    let on_disk = in_package(place);
    quote! {{
        use ::whimbrel_embed::__private as whimbrel_private;
        #(#texts)*
        static SETS: &[whimbrel_private::BakedSet] = &[#(#sets),*];
        static DIR: whimbrel_private::Dir<'static> = whimbrel_private::Dir::new("", #entries);
        #[cfg(debug_assertions)]
        const ON_DISK: ::core::option::Option<&str> = ::core::option::Option::Some(#on_disk);
        #[cfg(not(debug_assertions))]
        const ON_DISK: ::core::option::Option<&str> = ::core::option::Option::None;
        whimbrel_private::embedded(#place, SETS, &DIR, ON_DISK)
    }}
}

/// The expression for one set. Its files' texts become constants, which the tree of files shares.
fn set(place: &str, checked: &Checked, texts: &mut Vec<TokenStream>, tree: &mut Folder) -> TokenStream {
    let Checked { dialect, set, bytes, locked, signed } = checked;
    let prefix = dialect.map(|dialect| format!("{dialect}/")).unwrap_or_default();
    let root = format!("{place}/{prefix}");
    let root = root.trim_end_matches('/');
    let mut file = |script: &ScriptFile| {
        let text = format_ident!("TEXT_{}", texts.len());
        let path = script.path();
        let on_disk = in_package(&format!("{root}/{path}"));
        let (canonical, raw) = if bytes.get(path).map(Vec::as_slice) == Some(script.text().as_bytes()) {
            (quote!(::core::include_str!(#on_disk)), quote!(#text.as_bytes()))
        } else {
            // The constants refer to the canonical text, and that is not what the file holds.
            let canonical = Literal::string(script.text());
            (quote!(#canonical), quote!(::core::include_bytes!(#on_disk)))
        };
        texts.push(quote!(const #text: &str = #canonical;));
        tree.add(&format!("{prefix}{path}"), raw);
        let digest = bytes_of(script.digest());
        quote!(whimbrel_private::file(#root, #path, #text, #digest))
    };
    let mut list = |migrations: &[Migration]| {
        let migrations: Vec<_> = migrations.iter().map(|own| migration(own, &mut file)).collect();
        quote!({
            static MIGRATIONS: &[whimbrel_private::Migration] = &[#(#migrations),*];
            MIGRATIONS
        })
    };
    let (versioned, repeatables) = (list(set.versioned()), list(set.repeatables()));
    let dialect = option(dialect.map(|dialect| quote!(#dialect)));
    let name = set.name().as_str();
    let (head, repeatables_digest) = (bytes_of(set.head()), bytes_of(set.repeatables_digest()));
    let manifest = option(locked.then(|| {
        let on_disk = in_package(&format!("{root}/{}", layout::MANIFEST_FILE));
        quote!(::core::include_str!(#on_disk))
    }));
    let signature = signed.then(|| {
        let on_disk = in_package(&format!("{root}/{}", layout::SIGNATURE_FILE));
        quote!(.with_signature(::core::include_bytes!(#on_disk)))
    });
    quote! {
        whimbrel_private::BakedSet::new(
            #dialect, #name, #versioned, #repeatables, #head, #repeatables_digest, #manifest,
        ) #signature
    }
}

fn migration(migration: &Migration, file: &mut impl FnMut(&ScriptFile) -> TokenStream) -> TokenStream {
    let name = migration.name();
    let digest = bytes_of(migration.digest());
    let up = file(migration.up());
    let key = match migration.key() {
        Key::Versioned(version) => {
            let number = Literal::i64_unsuffixed(version.number());
            quote!(whimbrel_private::version(#number))
        }
        Key::Repeatable { revision } => {
            let revision = Literal::u32_unsuffixed(revision);
            quote!(whimbrel_private::Key::Repeatable { revision: #revision })
        }
    };
    let kind = match migration.kind() {
        Kind::Sql => quote!(whimbrel_private::Kind::Sql),
        Kind::Rust { revision, reversible } => {
            let revision = Literal::u32_unsuffixed(revision);
            quote!(whimbrel_private::Kind::Rust { revision: #revision, reversible: #reversible })
        }
    };
    let down = option(migration.down().map(file));
    quote!(whimbrel_private::migration(#key, #name, #kind, #up, #down, #digest))
}

/// The files by their folders.
#[derive(Default)]
struct Folder {
    folders: BTreeMap<String, Folder>,
    files: BTreeMap<String, TokenStream>,
}

impl Folder {
    fn add(&mut self, path: &str, contents: TokenStream) {
        match path.split_once('/') {
            Some((folder, rest)) => self.folders.entry(folder.to_owned()).or_default().add(rest, contents),
            None => {
                self.files.insert(path.to_owned(), contents);
            }
        }
    }

    /// The expression for the entries of this folder, whose paths begin with `prefix`.
    fn entries(&self, prefix: &str) -> TokenStream {
        let folders = self.folders.iter().map(|(name, folder)| {
            let path = format!("{prefix}{name}");
            let entries = folder.entries(&format!("{path}/"));
            quote!(whimbrel_private::DirEntry::Dir(whimbrel_private::Dir::new(#path, #entries)))
        });
        let files = self.files.iter().map(|(name, contents)| {
            let path = format!("{prefix}{name}");
            quote!(whimbrel_private::DirEntry::File(whimbrel_private::File::new(#path, #contents)))
        });
        let entries = folders.chain(files);
        quote!({
            const ENTRIES: &[whimbrel_private::DirEntry<'static>] = &[#(#entries),*];
            ENTRIES
        })
    }
}

/// The expression for the path of something in the package.
fn in_package(path: &str) -> TokenStream {
    let below = format!("/{path}");
    quote!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #below))
}

fn bytes_of(digest: &Digest) -> Literal {
    Literal::byte_string(digest.as_bytes())
}

fn option(some: Option<TokenStream>) -> TokenStream {
    match some {
        Some(some) => quote!(::core::option::Option::Some(#some)),
        None => quote!(::core::option::Option::None),
    }
}

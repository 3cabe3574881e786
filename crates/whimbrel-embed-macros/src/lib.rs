//! The macro of `whimbrel-embed`, where it is documented and from where it is used.

mod arguments;
mod directory;
mod emit;
mod problem;
mod sets;

use proc_macro::TokenStream;

/// Puts a directory of migrations into the program, as a `whimbrel_embed::Embedded`.
#[proc_macro]
pub fn embed(input: TokenStream) -> TokenStream {
    sets::expand(input.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

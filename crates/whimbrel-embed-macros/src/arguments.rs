//! What is written between the macro's parentheses. Knows no directory.

use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Result, Token};
use whimbrel::SetName;

/// `"migrations", set = "jobs", recursive, unlocked`: the path first, options in any order.
pub(crate) struct Arguments {
    pub(crate) path: LitStr,
    pub(crate) set: Option<SetName>,
    pub(crate) recursive: bool,
    pub(crate) unlocked: bool,
}

impl Arguments {
    /// The directory as messages name it, and as it is looked for below the package's own.
    pub(crate) fn place(&self) -> String {
        let path = self.path.value();
        let path = path.strip_prefix("./").unwrap_or(&path);
        path.trim_end_matches('/').to_owned()
    }
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let path: LitStr = input.parse().map_err(|error| {
            let what = "expected a string literal, the migrations' directory as seen from the package's Cargo.toml: \
                        `embed!(\"migrations\")`";
            Error::new(error.span(), what)
        })?;
        let mut arguments = Self { path, set: None, recursive: false, unlocked: false };
        let place = arguments.place();
        if place.is_empty() || std::path::Path::new(&place).has_root() {
            let what = "expected a path as seen from the package's Cargo.toml, like \"migrations\"";
            return Err(Error::new(arguments.path.span(), what));
        }
        while !input.is_empty() {
            input.parse::<Token![,]>().map_err(|error| Error::new(error.span(), "expected a comma"))?;
            if input.is_empty() {
                break;
            }
            let option: Ident = input.parse().map_err(|error| Error::new(error.span(), KNOWN))?;
            let twice = match option.to_string().as_str() {
                "set" => arguments.set.replace(set_name(&option, input)?).is_some(),
                "recursive" => std::mem::replace(&mut arguments.recursive, true),
                "unlocked" => std::mem::replace(&mut arguments.unlocked, true),
                other => {
                    return Err(Error::new(option.span(), format!("unknown option `{other}`: {KNOWN}")));
                }
            };
            if twice {
                let what = format!("the option `{option}` stands twice: keep one");
                return Err(Error::new(option.span(), what));
            }
        }
        Ok(arguments)
    }
}

const KNOWN: &str = "the options are `set = \"name\"`, `recursive` and `unlocked`";

fn set_name(option: &Ident, input: ParseStream<'_>) -> Result<SetName> {
    let what = "expected the set's name: `set = \"jobs\"`";
    input.parse::<Token![=]>().map_err(|_| Error::new(option.span(), what))?;
    let name: LitStr = input.parse().map_err(|error| Error::new(error.span(), what))?;
    SetName::new(name.value()).map_err(|error| Error::new(name.span(), error.to_string()))
}

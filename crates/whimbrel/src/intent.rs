//! What a row says of the statement that it announces, in its column `mark`: the mark of what the statement would change, what
//! its names lead to, and where and as whom it runs. The server writes it, so that it is true at that moment, whatever the
//! script has done to its session.
//!
//! ```text
//! 2|MARK|OBJECT|ROLE|PLACE
//! ```
//!
//! Parts that are not known are empty, and only the last one may hold `|`. A text that does not begin with `2|` is a mark of an
//! older program, which says nothing of the place.

use crate::dialect::EffectSql;
use crate::effect::Effect;

/// What a row says of the statement that it announces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Intent {
    /// What the object looked like.
    pub(crate) mark: Option<String>,
    /// What the statement's names led to.
    pub(crate) object: Option<String>,
    pub(crate) role: String,
    pub(crate) place: String,
}

impl Intent {
    /// The text of an announcement, as an expression to be evaluated directly before the statement.
    ///
    /// `literal` writes its bars so that they are bars in whatever character set the script has chosen.
    pub(crate) fn expression(
        effects: &EffectSql,
        effect: Option<&Effect<'_>>,
        literal: fn(&str) -> String,
    ) -> String {
        let (begin, bar, nothing) = (literal("2|"), literal("|"), literal(""));
        let object = effect.and_then(|effect| (effects.object)(effect));
        let within = object.clone().unwrap_or_else(|| "NULL".to_owned());
        let mark = effect.and_then(|effect| (effects.mark)(effect, &within));
        let part =
            |part: Option<String>| part.map_or_else(String::new, |it| format!("coalesce({it}, {nothing}), "));
        let (mark, object) = (part(mark), part(object));
        format!("concat({begin}, {mark}{bar}, {object}{bar}, {}, {bar}, {})", effects.role, effects.place)
    }

    /// Reads the text of an announcement. `None`: it says nothing of the place.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("2|")?.splitn(4, '|');
        let mut part = || parts.next().map(str::to_owned);
        let (mark, object, role, place) = (part()?, part()?, part()?, part()?);
        let known = |part: String| Some(part).filter(|part| !part.is_empty());
        Some(Self { mark: known(mark), object: known(object), role, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_says_where_it_runs_or_it_is_an_older_one() {
        let read = Intent::read("2|1.77|16384|me|s|t").expect("a new one");
        assert_eq!((read.mark.as_deref(), read.object.as_deref()), (Some("1.77"), Some("16384")));
        assert_eq!((read.role.as_str(), read.place.as_str()), ("me", "s|t"));
        let read = Intent::read("2||||").expect("a new one");
        assert_eq!(read, Intent::default());
        for older in ["absent", "1.77", "16384 16385", "", "2", "2|1|2|3"] {
            assert_eq!(Intent::read(older), None, "{older}");
        }
    }
}

//! What routines and triggers may have left in a session that is gone. Builds an expression; runs nothing.
//!
//! A temporary table that a routine has made hides a table of the same name from the rest of its script. In a new session the
//! rest would meet the table itself, and might drop it.

use crate::dialect::literal;

/// Above so many names it is not asked which of them a routine's text has.
const MOST_NAMES: usize = 256;

/// A condition: that a routine or a trigger which these words have run makes temporary tables, and names one of the rest's.
///
/// A routine that one of the script's databases or a trigger there calls counts as called. A text that the role may not read may be any.
pub(crate) fn hidden(ran: &[String], rest: &[String], place: &str) -> String {
    let words = ran.iter().map(|word| literal(word)).collect::<Vec<_>>().join(", ");
    let name = "lower(convert(r.routine_name using utf8mb4))";
    let here = format!(
        "(t.event_object_schema = {place} or lower(convert(t.event_object_schema using utf8mb4)) in ({words}))"
    );
    let has = |text: &str, word: &str| format!("locate({word}, lower(convert({text} using utf8mb4))) > 0");
    let leaves = |text: &str| {
        let temporary = has(text, "'temporary'");
        if rest.len() > MOST_NAMES {
            return temporary;
        }
        // A name may be put together there.
        let dynamic = ["'prepare'", "'immediate'"].map(|word| has(text, word)).join(" or ");
        let names = literal(&makes_one_of(rest));
        format!("({temporary} and (lower(convert({text} using utf8mb4)) regexp {names} or {dynamic}))")
    };
    let (routine, trigger) = (leaves("r.routine_definition"), leaves("t.action_statement"));
    // A caller of the script's own databases, which calls one beside it or names another database.
    let calls = |text: &str, schema: &str| {
        let other = has(text, "lower(convert(r.routine_schema using utf8mb4))");
        format!("{} and (r.routine_schema = {schema} or {other})", has(text, name))
    };
    let by_routine = format!(
        "(o.routine_schema = {place} or lower(convert(o.routine_schema using utf8mb4)) in ({words})) and {}",
        calls("o.routine_definition", "o.routine_schema")
    );
    let by_trigger = calls("t.action_statement", "t.event_object_schema");
    format!(
        "exists(select 1 from information_schema.routines r where {name} in ({words}) \
         and (r.routine_definition is null or {routine})) \
         or exists(select 1 from information_schema.routines r where {routine} \
         and (exists(select 1 from information_schema.routines o where {by_routine}) \
         or exists(select 1 from information_schema.triggers t where {here} and {by_trigger}))) \
         or exists(select 1 from information_schema.triggers t where {here} \
         and lower(convert(t.event_object_table using utf8mb4)) in ({words}) and {trigger})"
    )
}

/// A regular expression that fits what makes or drops a temporary table of one of these names, in the forms that all servers know.
fn makes_one_of(names: &[String]) -> String {
    const GAP: &str = "([[:space:]]|/[*]([^*]|[*][^/])*[*]/|(--|#)[^\n]*\n)";
    let any: Vec<String> = names.iter().filter(|name| *name != "if").map(|name| pattern(name)).collect();
    format!(
        "temporary{GAP}+(table|sequence){GAP}+(if{GAP}+(not{GAP}+)?exists{GAP}+)?([^[:space:].(]+{GAP}*[.]{GAP}*)?[`\"]?({})\
         ([^0-9a-z_$]|$)",
        any.join("|")
    )
}

/// A name, with any letter for each that means something there.
fn pattern(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() || letter == '_' { letter } else { '.' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_table_is_looked_for_where_a_temporary_one_is_named() {
        let names = ["t".to_owned(), "if".to_owned(), "a`b".to_owned()];
        assert!(makes_one_of(&names).contains("(t|a.b)"), "{}", makes_one_of(&names));
        let sql = hidden(&["hide".to_owned()], &names, "'d'");
        assert!(sql.contains("regexp") && !sql.contains("a`b"), "{sql}");
        let many: Vec<String> = (0..300).map(|number| format!("t{number}")).collect();
        assert!(!hidden(&["hide".to_owned()], &many, "'d'").contains("regexp"));
    }
}

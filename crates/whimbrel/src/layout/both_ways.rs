//! Files of other tools that hold a way up and a way down: the lines that divide them. Decides from a script's text alone.
//!
//! Such a file, taken for a script, would run its way down right behind its way up. A line counts if it begins a comment,
//! or anything else outside of strings and quoted names: inside a string it is data.

use std::collections::HashSet;
use std::fmt;

use super::Role;
use crate::script::{Lexing, Mark, Position, Script, Statement, find_either, locate};

/// What a line of another tool says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// A line that only this tool has.
    Of { tool: &'static str, prefix: &'static str, way: Option<Way> },
    /// A line that holds nothing but the word for one way; people write such comments too.
    Bare { way: Way, plain: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// A file that holds both ways, or a part of one, as another tool writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BothWays {
    /// Where the line stands that shows it.
    pub(crate) position: Position,
    line: String,
    tool: Option<(&'static str, &'static str)>,
    down: bool,
    role: Role,
    path: String,
}

/// Looks for the lines of another tool in the script of the file at `path`.
///
/// With several ways to lex it, because its dialect is not known, a line counts if it does in each that can read the file.
pub(crate) fn both_ways(path: &str, text: &str, lexings: &[&Lexing]) -> Option<BothWays> {
    let lines = lines(text);
    if lines.is_empty() {
        return None;
    }
    let role = match super::parse_file_name(path.rsplit('/').next().unwrap_or(path)) {
        Ok(name) => name.role,
        Err(_) => Role::Up,
    };
    let places: Vec<usize> = lines.iter().map(|(at, _)| *at).collect();
    let mut shown = None;
    let mut readable = false;
    for lexing in lexings {
        let Some(located) = locate(text, lexing, &places) else { continue };
        readable = true;
        let found = judge(&lines, &located.marks, located.statements, role)
            .or_else(|| undoing(text, lexing, &lines, &located.marks, role));
        shown = Some(found?);
    }
    if !readable {
        // The script is refused in any case, and this says why.
        shown = lines.iter().find_map(|(at, line)| matches!(line, Line::Of { .. }).then_some((*at, *line)));
    }
    let (at, line) = shown?;
    let (tool, way) = match line {
        Line::Of { tool, prefix, way } => (Some((tool, prefix)), way),
        Line::Bare { way, .. } => (None, Some(way)),
    };
    let rest = text.get(at..).unwrap_or_default();
    let line = rest.split(['\n', '\r']).next().unwrap_or_default().trim().chars().take(60).collect();
    let position = Position::of(text, at);
    Some(BothWays { position, line, tool, down: way == Some(Way::Down), role, path: path.to_owned() })
}

/// The line that refuses the file, if one does.
fn judge(lines: &[(usize, Line)], marks: &[Mark], statements: usize, role: Role) -> Option<(usize, Line)> {
    // Both are in the order of the text.
    let mut rest = lines.iter();
    let found: Vec<(&Mark, usize, Line)> = marks
        .iter()
        .filter_map(|mark| {
            let (at, line) = rest.find(|(at, _)| *at == mark.offset)?;
            Some((mark, *at, *line))
        })
        .collect();
    let own = || found.iter().filter(|(_, _, line)| matches!(line, Line::Of { .. }));
    let down = own().find(|(_, _, line)| matches!(line, Line::Of { way: Some(Way::Down), .. }));
    if let Some((_, at, line)) = down.or_else(|| own().next()) {
        return Some((*at, *line));
    }
    let bare: Vec<(&Mark, usize, Line, Way, bool)> = found
        .iter()
        .filter_map(|(mark, at, line)| match line {
            Line::Bare { way, plain } if !mark.inside => Some((*mark, *at, *line, *way, *plain)),
            _ => None,
        })
        .collect();
    let other = if role == Role::Down { Way::Up } else { Way::Down };
    let both = [Way::Up, Way::Down].iter().all(|way| bare.iter().any(|(.., own, _)| own == way));
    bare.iter().enumerate().find_map(|(index, (mark, at, line, way, plain))| {
        let end = bare.get(index + 1).map_or(statements, |(next, ..)| next.before);
        let holds = end > mark.before;
        let alone = *plain && *way == other && mark.before > 0;
        (holds && ((both && *way == other) || alone)).then_some((*at, *line))
    })
}

/// A line for the other way behind which the script drops what it has made before: whatever the word, it is meant.
fn undoing(
    text: &str,
    lexing: &Lexing,
    lines: &[(usize, Line)],
    marks: &[Mark],
    role: Role,
) -> Option<(usize, Line)> {
    if role == Role::Down {
        return None;
    }
    let bare: Vec<(usize, usize, Line)> = marks
        .iter()
        .filter(|mark| !mark.inside)
        .filter_map(|mark| {
            let (at, line) = lines.iter().find(|(at, _)| *at == mark.offset)?;
            matches!(line, Line::Bare { way: Way::Down, .. }).then_some((mark.before, *at, *line))
        })
        .collect();
    if bare.is_empty() || !Script::is_sound(text, lexing) {
        return None;
    }
    let mut made = HashSet::new();
    Script::stream(text, lexing).enumerate().find_map(|(number, statement)| {
        made.extend(object("CREATE", &statement).map(|(_, name)| name));
        let (_, at, line) = bare.iter().find(|(before, ..)| *before == number)?;
        let (_, dropped) = object("DROP", &statement)?;
        made.contains(&dropped).then_some((*at, *line))
    })
}

/// The kind and the name, in lower case, of what a statement with this first word makes or drops.
fn object(verb: &str, statement: &Statement<'_>) -> Option<(String, String)> {
    const KINDS: [&str; 9] =
        ["TABLE", "VIEW", "INDEX", "TYPE", "SEQUENCE", "SCHEMA", "FUNCTION", "PROCEDURE", "TRIGGER"];
    let mut words = statement.words();
    words.next().filter(|word| word.is_keyword(verb))?;
    let kind = words.by_ref().take(6).find(|word| KINDS.iter().any(|kind| word.is_keyword(kind)))?;
    let mut words = words.skip_while(|word| {
        ["IF", "NOT", "EXISTS", "CONCURRENTLY"].iter().any(|skipped| word.is_keyword(skipped))
    });
    let mut name = words.next()?;
    while words.next().is_some_and(|word| word.is_symbol(".")) {
        name = words.next()?;
    }
    Some((kind.text.to_lowercase(), name.text.trim_matches(['`', '"', '[', ']']).to_lowercase()))
}

impl fmt::Display for BothWays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is a line of ", self.line.escape_debug())?;
        match self.tool {
            Some((tool, _)) => write!(f, "{tool}, which has the way up and the way down in one file")?,
            None => f.write_str("a tool that has the way up and the way down in one file")?,
        }
        if self.down && self.role == Role::Up {
            f.write_str(": here the way down would run right behind the way up")?;
        }
        let lines = |f: &mut fmt::Formatter<'_>| match self.tool {
            Some((_, prefix)) => write!(f, "delete the lines with `{prefix}`"),
            None => f.write_str("delete this line"),
        };
        match (self.role, self.down_path()) {
            (Role::Down, _) => {
                f.write_str("; keep only the way down in this file, and ")?;
                lines(f)
            }
            (_, Some(path)) if self.down => {
                write!(f, "; move the way down to {}, and ", path.escape_debug())?;
                lines(f)
            }
            (_, Some(path)) => {
                f.write_str("; ")?;
                lines(f)?;
                write!(f, ", and move a way down, if there is one, to {}", path.escape_debug())
            }
            (_, None) => {
                f.write_str("; delete the way down, which a repeatable does not have, and ")?;
                lines(f)
            }
        }
    }
}

impl BothWays {
    /// The file for the way down, unless it is a repeatable's.
    fn down_path(&self) -> Option<String> {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        let stem = self.path.strip_suffix(".up.sql").or_else(|| self.path.strip_suffix(".sql"))?;
        (!name.starts_with("R__")).then(|| format!("{stem}.down.sql"))
    }
}

/// The lines that may be another tool's, by where they begin.
fn lines(text: &str) -> Vec<(usize, Line)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at <= text.len() {
        // PostgreSQL ends a comment at a carriage return too.
        let end = find_either(text.as_bytes(), at, b'\n', b'\r');
        let line = text.get(at..end).unwrap_or_default();
        let begin = line.trim_start_matches(is_blank);
        let start = end - begin.len();
        if (begin.starts_with("--") || begin.starts_with('#') || begin.starts_with("/*"))
            && let Some(kind) = read(whole_comment(begin, &text[start..]))
        {
            found.push((start, kind));
        }
        at = end + 1;
    }
    found
}

/// The line, or the whole of a block comment that goes on behind it: `/*`, ` * down` and ` */` on three lines.
fn whole_comment<'t>(line: &'t str, rest: &'t str) -> &'t str {
    if !line.starts_with("/*") || line.contains("*/") {
        return line;
    }
    rest.find("*/").map_or(line, |end| &rest[..end])
}

/// White space, and what looks like it.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{200b}' | '\u{feff}' | '\u{2060}')
}

/// How many characters of a line are looked at: no tool's line is longer, but for its options.
const LONGEST: usize = 200;

fn read(line: &str) -> Option<Line> {
    let lower = line.chars().take(LONGEST).collect::<String>().to_lowercase();
    let decoration = |letter: char| is_blank(letter) || matches!(letter, '-' | '#' | '*' | '=' | '/');
    let inside = lower.trim_start_matches(decoration).trim_end_matches(decoration);
    // `-- Down +goose` is one to goose as well.
    let turned =
        inside.strip_suffix("+goose").map(|first| format!("+goose {}", first.replace("--", " ").trim()));
    let inside = turned.filter(|it| !it.trim_start_matches("+goose ").contains(is_blank));
    let inside =
        inside.as_deref().unwrap_or(lower.trim_start_matches(decoration).trim_end_matches(decoration));
    let words: Vec<&str> =
        inside.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    plus(inside, &words).or_else(|| of_tool(inside, &words)).or_else(|| bare(&words))
}

fn way(word: &str) -> Option<Way> {
    match word {
        "up" | "ups" => Some(Way::Up),
        "down" | "downs" => Some(Way::Down),
        _ => None,
    }
}

/// `+goose Up`, and what was modelled on it.
fn plus(inside: &str, words: &[&str]) -> Option<Line> {
    let rest = inside.strip_prefix('+')?;
    let (name, first) = (words.first()?, words.get(1).copied().unwrap_or_default());
    if !rest.trim_start_matches(is_blank).starts_with(name) || !name.starts_with(char::is_alphabetic) {
        return None;
    }
    let (tool, prefix) = match *name {
        "goose" => ("goose", "+goose"),
        "migrate" => ("sql-migrate", "+migrate"),
        "micrate" => ("micrate", "+micrate"),
        _ => ("a tool like goose", "+"),
    };
    let command = match first {
        "no" => words.get(2) == Some(&"transaction"),
        "envsub" => matches!(words.get(2), Some(&"on" | &"off")),
        _ => matches!(first, "statementbegin" | "statementend" | "notransaction"),
    };
    match way(first) {
        Some(way) => Some(Line::Of { tool, prefix, way: Some(way) }),
        None if command && prefix != "+" => Some(Line::Of { tool, prefix, way: None }),
        None => None,
    }
}

/// The lines of tools that have a word of their own in them.
fn of_tool(inside: &str, words: &[&str]) -> Option<Line> {
    let line = |tool, prefix, way| Some(Line::Of { tool, prefix, way });
    let behind = |name: &str| {
        let rest = inside.strip_prefix(name)?.trim_start_matches(is_blank).strip_prefix(':')?;
        let rest = rest.trim_start_matches(is_blank);
        let word = rest.split(|letter: char| !letter.is_alphanumeric()).next()?;
        way(word)
    };
    match words {
        _ if behind("migrate").is_some() => line("dbmate", "migrate:", behind("migrate")),
        ["create", "above", "drop", "below", ..] => {
            line("tern", "create above / drop below", Some(Way::Down))
        }
        ["tern", "disable", "tx"] => line("tern", "tern:", None),
        ["liquibase", "formatted", "sql", ..] => line("Liquibase", "liquibase", None),
        ["changeset", _, _, ..] if behind_changeset(inside) => line("Liquibase", "changeset", None),
        ["rambler", word] => line("rambler", "rambler", Some(way(word)?)),
        ["undo"] if inside.starts_with('@') => line("MyBatis Migrations", "@UNDO", Some(Way::Down)),
        ["ups" | "downs"] if inside.starts_with('!') => line("Play evolutions", "!", way(words[0])),
        _ => None,
    }
}

/// Whether `changeset` is followed by `author:id`.
fn behind_changeset(inside: &str) -> bool {
    inside
        .strip_prefix("changeset")
        .and_then(|rest| rest.trim_start_matches(is_blank).split(is_blank).next())
        .is_some_and(|word| word.contains(':'))
}

/// Words that stand beside the one for a way without changing it.
const FILLERS: [&str; 14] = [
    "migration",
    "migrations",
    "migrate",
    "script",
    "section",
    "part",
    "begin",
    "start",
    "sql",
    "step",
    "region",
    "direction",
    "name",
    "way",
];

/// A line of one word, such as `-- DOWN` or `-- ==== UP ====`.
fn bare(words: &[&str]) -> Option<Line> {
    let mut telling = words.iter().filter(|word| !FILLERS.contains(*word));
    let (word, None) = (telling.next()?, telling.next()) else { return None };
    match *word {
        "upgrade" | "apply" | "forward" | "forwards" | "do" => {
            Some(Line::Bare { way: Way::Up, plain: false })
        }
        "downgrade" | "rollback" | "revert" | "reverse" | "undo" | "backward" | "backwards" => {
            Some(Line::Bare { way: Way::Down, plain: false })
        }
        word => way(word).map(|way| Line::Bare { way, plain: true }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&Lexing; 4] = [&Lexing::SQLITE, &Lexing::POSTGRES, &Lexing::MYSQL, &Lexing::MARIADB];

    fn found(text: &str) -> Option<String> {
        both_ways("0001_users.sql", text, &ALL).map(|found| format!("{}: {found}", found.position))
    }

    #[test]
    fn each_tools_lines_are_known_in_each_spelling() {
        for (tool, up, down) in [
            ("goose", "-- +goose Up", "-- +goose Down"),
            ("goose", "--+goose up", "  --   +GOOSE   DOWN  "),
            ("goose", "-- +goose Up\n-- +goose StatementBegin", "-- +goose StatementEnd\n-- Down +goose"),
            ("goose", "---- +goose Up", "-- +goose Down -- and so on"),
            ("sql-migrate", "-- +migrate Up notransaction", "-- +migrate Down"),
            ("sql-migrate", "--\t+migrate up", "--\u{a0}+migrate\tdown"),
            ("micrate", "-- +micrate Up", "-- +micrate Down"),
            ("a tool like goose", "-- +later Up", "-- +later Down"),
            ("dbmate", "-- migrate:up transaction:false", "-- migrate:down"),
            ("dbmate", "--migrate:up", "-- Migrate: Down"),
            ("tern", "-- users", "---- create above / drop below ----"),
            ("tern", "-- users", "----create above/drop below----"),
            ("rambler", "-- rambler up", "-- rambler down"),
            ("MyBatis Migrations", "--// users", "--//@UNDO"),
            ("MyBatis Migrations", "-- // users", "-- //@undo"),
            ("MyBatis Migrations", "-- users", "-- @UNDO"),
            ("Play evolutions", "# --- !Ups", "# --- !Downs"),
            ("Play evolutions", "-- !Ups", "-- !Downs"),
            ("a tool that has", "-- UP", "-- DOWN"),
            ("a tool that has", "-- ====  UP  ====", "-- ==== DOWN ===="),
            ("a tool that has", "-- Up Migration", "-- Down Migration"),
            ("a tool that has", "/* up */", "/* down */"),
            ("a tool that has", "-- Upgrade", "-- Rollback"),
            ("a tool that has", "-- @up", "-- @down"),
            ("a tool that has", "-- do", "-- undo"),
            ("a tool that has", "-- #region up", "-- #region down"),
            ("a tool that has", "-- direction: up", "-- direction: down"),
            ("a tool that has", "/*\n * up\n */", "/**\n * @down\n */"),
            ("a tool that has", "-- users", "-- Rollback:"),
            ("a tool that has", "-- users", "-- Undo section"),
            ("goose", "/*\n +goose Up\n*/", "/*\n +goose Down\n*/"),
            ("Liquibase", "--liquibase formatted sql\n--changeset me:1", "--rollback drop table t;"),
            ("Liquibase", "-- changeset me:users dbms:oracle", "-- rollback empty"),
        ] {
            for ends in ["\n", "\r\n", "\r"] {
                let text =
                    format!("{up}\nCREATE TABLE t (a INT);\n\n{down}\nDROP TABLE t;\n").replace('\n', ends);
                let text = crate::canonical_text(text.into_bytes()).expect("UTF-8");
                if ends == "\r" {
                    // A comment to the file's end everywhere but on PostgreSQL.
                    assert!(both_ways("1_u.sql", &text, &[&Lexing::POSTGRES]).is_some(), "{text}");
                    continue;
                }
                let said = found(&text).unwrap_or_else(|| panic!("{tool} is not seen in {text:?}"));
                assert!(said.contains(tool) && said.contains("0001_users.down.sql"), "{said}");
            }
        }
    }

    #[test]
    fn the_line_and_the_next_step_are_named() {
        let said = [
            ("0001_users.sql", "-- +goose Up\nCREATE TABLE t (a INT);\n-- +goose Down\nDROP TABLE t;\n"),
            ("a/0001_users.up.sql", "-- migrate:up\nCREATE TABLE t (a INT);\n"),
            ("0001_users.down.sql", "-- +migrate Down\nDROP TABLE t;\n"),
            ("R__v.sql", "-- rambler up\nSELECT 1;\n-- rambler down\nSELECT 2;\n"),
            ("0001_users.sql", "CREATE TABLE t (a INT);\n--- down ---\nDROP TABLE t;\n"),
        ]
        .map(|(path, text)| {
            let found = both_ways(path, text, &ALL).unwrap_or_else(|| panic!("{text}"));
            format!("{path}:{}: {found}", found.position)
        });
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn the_same_words_in_strings_bodies_and_prose_do_not_count() {
        for text in [
            "INSERT INTO pages VALUES ('\n-- +goose Down\n');",
            "INSERT INTO pages VALUES ('it''s\n-- migrate:down\n');",
            "CREATE TABLE t (a INT);\n-- what +goose Up and +goose Down were is told elsewhere\n",
            "-- see migrate:up in the manual\nCREATE TABLE t (a INT);",
            "CREATE TABLE t (a INT);\n-- Rollback\n-- DROP TABLE t;\n",
            "CREATE TABLE t (a INT);\n-- Down\n-- DROP TABLE t;\n",
            "CREATE TABLE t (a INT, -- up\n-- down\nb INT);\nSELECT 1;",
            "-- up\nCREATE TABLE t (a INT);",
            "CREATE TABLE a (a INT);\n-- undo\nDROP TABLE b;",
            "-- down the road\nCREATE TABLE t (a INT);\n-- scale down\nDROP TABLE u;",
            "CREATE TABLE t (a INT); -- +goose Down\n",
            "-- changeset of the ticket\nCREATE TABLE t (a INT);",
            "/*\n Down\n DROP TABLE t;\n*/\nCREATE TABLE t (a INT);",
            "/* a long\n story */\nCREATE TABLE t (a INT);\n/* undone */ DROP TABLE t;",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
        let body = "DO $$ BEGIN\n-- +goose Down\nEND $$;";
        assert_eq!(both_ways("1_a.sql", body, &[&Lexing::POSTGRES]), None);
        assert_eq!(both_ways("1_a.down.sql", "-- Down\nDROP TABLE t;\n-- down\nSELECT 1;", &ALL), None);
    }

    #[test]
    fn a_quote_that_is_never_closed_hides_no_layout() {
        let said = found("-- +goose Up\nINSERT INTO t VALUES ('x);\n-- +goose Down\n").expect("it is seen");
        assert!(said.contains("goose"), "{said}");
    }
}

//! What a statement that no transaction protects would leave behind: its head, parsed as far as it names one object.
//! Decides nothing, and knows no database.

use crate::placeholder::may_hold_some;
use crate::script::{Statement, Token, TokenKind, Words};

/// What a statement makes of one object, read from its first words.
///
/// Only statements on one object, and within a table on one member of it, have an effect in this sense; what names
/// several, replaces, or leaves the name to the database has none, since afterwards nobody could tell whether it took
/// place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effect<'t> {
    /// Whether it is there afterwards.
    pub change: Change,
    /// What kind of thing it is.
    pub kind: ObjectKind,
    /// Its name: of the table, where a member of one is meant.
    pub object: Name<'t>,
    /// The table that an index or a trigger belongs to, where the statement says so.
    pub on: Option<Name<'t>>,
    /// The member of the table.
    pub member: Option<(MemberKind, Ident)>,
    /// Whether it says `CONCURRENTLY`.
    pub concurrently: bool,
    /// Whether it says `IF EXISTS` or `IF NOT EXISTS`, and so does nothing where there is nothing to do.
    pub guarded: bool,
}

/// Whether something is there afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is made.
    Made,
    /// It is removed.
    Removed,
    /// It is built anew, and may leave parts of the build when it is cut off.
    Rebuilt,
}

/// What kind of object a statement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the word in the statement")]
pub enum ObjectKind {
    Table,
    View,
    Index,
    Trigger,
    Procedure,
    Function,
    Event,
    Database,
    Schema,
}

/// What kind of member of a table a statement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the word in the statement")]
pub enum MemberKind {
    Column,
    Index,
    Constraint,
    ForeignKey,
}

/// An identifier without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The text.
    pub text: String,
    /// Whether it stood in quotes, so that its case counts.
    pub quoted: bool,
}

/// A name, perhaps with its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name<'t> {
    /// The schema, or the database.
    pub schema: Option<Ident>,
    /// The name.
    pub name: Ident,
    /// As it is written.
    pub text: &'t str,
}

impl<'t> Effect<'t> {
    /// Reads a statement's head. `None`: it is none of those on one object.
    ///
    /// What has placeholders has none either: what will stand there is not known here.
    pub fn of(statement: &Statement<'t>) -> Option<Self> {
        if may_hold_some(statement) {
            return None;
        }
        let mut readings = statement.readings();
        let effect = Reader::read(statement, readings.next()?).statement()?;
        // A server that skips an executable comment must do the same, or nothing at all.
        let same = readings
            .filter(|words| words.clone().next().is_some())
            .all(|words| Reader::read(statement, words).statement().is_some_and(|it| it.same(&effect)));
        same.then_some(effect)
    }

    fn same(&self, other: &Self) -> bool {
        let names = |effect: &Self| {
            let parts = |name: &Name<'t>| (name.schema.clone(), name.name.clone());
            (parts(&effect.object), effect.on.as_ref().map(parts), effect.member.clone())
        };
        (self.change, self.kind, self.concurrently) == (other.change, other.kind, other.concurrently)
            && names(self) == names(other)
    }
}

pub(crate) struct Reader<'t> {
    text: &'t str,
    start: usize,
    words: Vec<Token<'t>>,
    at: usize,
}

impl<'t> Reader<'t> {
    pub(crate) fn of(statement: &Statement<'t>) -> Self {
        Self::read(statement, statement.words())
    }

    fn read(statement: &Statement<'t>, words: Words<'_, 't>) -> Self {
        Self { text: statement.text(), start: statement.position().offset, words: words.collect(), at: 0 }
    }

    fn statement(mut self) -> Option<Effect<'t>> {
        if self.take("CREATE") {
            self.create()
        } else if self.take("DROP") {
            self.drop()
        } else if self.take("ALTER") && self.take("TABLE") {
            self.alter()
        } else if self.take("REINDEX") {
            self.reindex()
        } else {
            None
        }
    }

    fn create(mut self) -> Option<Effect<'t>> {
        self.definer();
        let unique = ["UNIQUE", "FULLTEXT", "SPATIAL"].into_iter().any(|word| self.take(word));
        let kind = self.kind()?;
        if unique && kind != ObjectKind::Index {
            return None;
        }
        let concurrently = kind == ObjectKind::Index && self.take("CONCURRENTLY");
        // What is there already is left alone. Only of an index that is built concurrently it is known beforehand whether it
        // is: the intent says so.
        let guarded = concurrently && self.take("IF") && self.take("NOT") && self.take("EXISTS");
        if self.peek("IF") || (kind == ObjectKind::Index && self.peek("ON")) {
            return None;
        }
        let object = self.name()?;
        let rest = &self.words[self.at..];
        let has = |word: &str| rest.iter().any(|token| token.is_keyword(word));
        let on = match kind {
            ObjectKind::Table if has("SELECT") || has("VALUES") && !has("PARTITION") => return None,
            ObjectKind::Table if has("ENGINE") && !has("INNODB") => return None,
            ObjectKind::Index => {
                while !self.peek("ON") && !self.done() {
                    self.at += 1;
                }
                self.take("ON").then_some(())?;
                self.take("ONLY");
                Some(self.name()?)
            }
            ObjectKind::Trigger => {
                let at = rest.iter().position(|token| token.is_keyword("ON"))?;
                self.at += at + 1;
                Some(self.name()?)
            }
            _ => None,
        };
        Some(Effect { change: Change::Made, kind, object, on, member: None, concurrently, guarded })
    }

    fn drop(mut self) -> Option<Effect<'t>> {
        let kind = self.kind()?;
        let concurrently = kind == ObjectKind::Index && self.take("CONCURRENTLY");
        let guarded = concurrently && self.take("IF") && self.take("EXISTS");
        if self.peek("IF") {
            return None;
        }
        let object = self.name()?;
        let on = if self.take("ON") { Some(self.name()?) } else { None };
        if self.comma() {
            return None;
        }
        Some(Effect { change: Change::Removed, kind, object, on, member: None, concurrently, guarded })
    }

    /// `REINDEX [(options)] kind [CONCURRENTLY] name`: only what is built concurrently can be cut off halfway.
    fn reindex(mut self) -> Option<Effect<'t>> {
        let mut concurrently = false;
        if self.words.get(self.at).is_some_and(|token| token.is_symbol("(")) {
            while !self.done() && !self.words[self.at].is_symbol(")") {
                // `CONCURRENTLY false` is an option, too.
                concurrently |= self.peek("CONCURRENTLY")
                    && self.words.get(self.at + 1).is_some_and(|next| {
                        [",", ")"].iter().any(|symbol| next.is_symbol(symbol))
                            || ["TRUE", "ON"].iter().any(|word| next.is_keyword(word))
                            || next.text == "1"
                    });
                self.at += 1;
            }
            self.at += 1;
        }
        let kind = if self.take("SCHEMA") { ObjectKind::Schema } else { self.kind()? };
        concurrently |= self.take("CONCURRENTLY");
        let object = self.name()?;
        let change = Change::Rebuilt;
        concurrently.then_some(Effect {
            change,
            kind,
            object,
            on: None,
            member: None,
            concurrently,
            guarded: false,
        })
    }

    fn alter(mut self) -> Option<Effect<'t>> {
        let object = self.name()?;
        let change = if self.take("ADD") {
            Change::Made
        } else if self.take("DROP") {
            Change::Removed
        } else {
            return None;
        };
        let member = match change {
            Change::Made => self.added()?,
            Change::Removed | Change::Rebuilt => self.dropped()?,
        };
        if self.comma() {
            return None;
        }
        let kind = ObjectKind::Table;
        let (concurrently, guarded) = (false, false);
        Some(Effect { change, kind, object, on: None, member: Some(member), concurrently, guarded })
    }

    fn added(&mut self) -> Option<(MemberKind, Ident)> {
        if self.take("CONSTRAINT") {
            let name = self.ident()?;
            let foreign = self.peek("FOREIGN");
            let unique = self.peek("UNIQUE");
            let kind = match (foreign, unique) {
                (true, _) => MemberKind::ForeignKey,
                (_, true) => MemberKind::Index,
                _ if self.peek("PRIMARY") => return Some((MemberKind::Index, primary())),
                _ => MemberKind::Constraint,
            };
            return Some((kind, name));
        }
        if self.take("PRIMARY") {
            return self.take("KEY").then(|| (MemberKind::Index, primary()));
        }
        let special = ["UNIQUE", "FULLTEXT", "SPATIAL"].into_iter().any(|word| self.take(word));
        if self.take("INDEX") || self.take("KEY") || special {
            return Some((MemberKind::Index, self.ident_before_list()?));
        }
        // Of what is not named the database chooses the name; partitions and the like are no members.
        if NO_COLUMN.iter().any(|word| self.peek(word)) {
            return None;
        }
        self.take("COLUMN");
        if self.peek("IF") {
            return None;
        }
        Some((MemberKind::Column, self.ident()?))
    }

    fn dropped(&mut self) -> Option<(MemberKind, Ident)> {
        let kind = if self.take("INDEX") || self.take("KEY") {
            MemberKind::Index
        } else if self.take("FOREIGN") {
            self.take("KEY").then_some(MemberKind::ForeignKey)?
        } else if self.take("CONSTRAINT") || self.take("CHECK") {
            MemberKind::Constraint
        } else if self.take("PRIMARY") {
            return self.take("KEY").then(|| (MemberKind::Index, primary()));
        } else if NO_COLUMN.iter().any(|word| self.peek(word)) {
            return None;
        } else {
            self.take("COLUMN");
            MemberKind::Column
        };
        if self.peek("IF") {
            return None;
        }
        Some((kind, self.ident()?))
    }

    fn kind(&mut self) -> Option<ObjectKind> {
        let kind = match self.words.get(self.at)?.text.to_ascii_uppercase().as_str() {
            "TABLE" => ObjectKind::Table,
            "VIEW" => ObjectKind::View,
            "INDEX" => ObjectKind::Index,
            "TRIGGER" => ObjectKind::Trigger,
            "PROCEDURE" => ObjectKind::Procedure,
            "FUNCTION" => ObjectKind::Function,
            "EVENT" => ObjectKind::Event,
            "DATABASE" => ObjectKind::Database,
            _ => return None,
        };
        self.at += 1;
        Some(kind)
    }

    /// `DEFINER = user`, `SQL SECURITY …`, `ALGORITHM = …`: whatever stands before the kind.
    fn definer(&mut self) {
        if !["DEFINER", "ALGORITHM", "SQL"].iter().any(|word| self.peek(word)) {
            return;
        }
        let kinds = ["VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"];
        while !self.done() && !kinds.iter().any(|kind| self.peek(kind)) {
            self.at += 1;
        }
    }

    pub(crate) fn name(&mut self) -> Option<Name<'t>> {
        let from = self.words.get(self.at)?.offset;
        let mut name = Name { schema: None, name: self.ident()?, text: "" };
        if self.words.get(self.at).is_some_and(|token| token.is_symbol(".")) {
            self.at += 1;
            name = Name { schema: Some(name.name), name: self.ident()?, text: "" };
            // A third part would be a database, which the rest of this does not know.
            if self.words.get(self.at).is_some_and(|token| token.is_symbol(".")) {
                return None;
            }
        }
        let last = self.words.get(self.at - 1)?;
        let end = last.offset + last.text.len() - self.start;
        name.text = self.text.get(from - self.start..end)?;
        Some(name)
    }

    fn ident(&mut self) -> Option<Ident> {
        let token = self.words.get(self.at)?;
        let ident = match token.kind {
            // `U&"…"` is a name in escapes, which are not read here.
            TokenKind::Word if self.words.get(self.at + 1).is_some_and(|next| next.is_symbol("&")) => {
                return None;
            }
            TokenKind::Word => Ident { text: token.text.to_owned(), quoted: false },
            TokenKind::QuotedIdentifier => {
                let quote = token.text.chars().next()?;
                let inner =
                    token.text.strip_prefix(quote)?.strip_suffix(if quote == '[' { ']' } else { quote })?;
                let twice: String = [quote, quote].iter().collect();
                Ident { text: inner.replace(&twice, &quote.to_string()), quoted: true }
            }
            _ => return None,
        };
        self.at += 1;
        Some(ident)
    }

    /// An index's name; `INDEX (a)` and `INDEX USING BTREE (a)` have none.
    fn ident_before_list(&mut self) -> Option<Ident> {
        self.take("INDEX");
        self.take("KEY");
        if self.peek("USING") || self.peek("IF") { None } else { self.ident() }
    }

    /// Whether a comma stands outside parentheses from here on.
    fn comma(&self) -> bool {
        let mut depth = 0_usize;
        self.words[self.at..].iter().any(|token| {
            match token.text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.is_symbol(",")
        })
    }

    pub(crate) fn peek(&self, keyword: &str) -> bool {
        self.words.get(self.at).is_some_and(|token| token.is_keyword(keyword))
    }

    pub(crate) fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek(keyword);
        self.at += usize::from(found);
        found
    }

    /// Goes one word further.
    pub(crate) fn skip(&mut self) {
        self.at += 1;
    }

    pub(crate) fn done(&self) -> bool {
        self.at >= self.words.len()
    }
}

/// Words after `ADD` or `DROP` that begin no column.
const NO_COLUMN: &[&str] = &["FOREIGN", "CHECK", "PARTITION", "PERIOD", "SYSTEM", "EXCLUDE", "TABLESPACE"];

fn primary() -> Ident {
    Ident { text: "PRIMARY".to_owned(), quoted: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Lexing, Script};

    fn told(sql: &str) -> String {
        let script = Script::parse(sql, &Lexing::MYSQL).expect("a sound script");
        let Some(effect) = Effect::of(&script.statements()[0]) else { return "undecidable".to_owned() };
        let mut told = format!("{:?} {:?} {}", effect.change, effect.kind, effect.object.name.text);
        if let Some(schema) = &effect.object.schema {
            told = format!("{told} in {}", schema.text);
        }
        if let Some(on) = &effect.on {
            told = format!("{told} on {}", on.name.text);
        }
        if let Some((kind, member)) = &effect.member {
            told = format!("{told}: {kind:?} {}", member.text);
        }
        if effect.guarded {
            told += ", guarded";
        }
        told
    }

    #[test]
    fn statements_on_one_object_are_read() {
        for (sql, expected) in [
            ("CREATE TABLE t (a INT, b INT)", "Made Table t"),
            ("create table `sh``op`.`t 1` (a int)", "Made Table t 1 in sh`op"),
            ("CREATE TABLE t LIKE u", "Made Table t"),
            ("CREATE TABLE t (a INT) ENGINE=InnoDB", "Made Table t"),
            ("DROP TABLE t", "Removed Table t"),
            ("CREATE UNIQUE INDEX i USING BTREE ON t (a, b)", "Made Index i on t"),
            ("CREATE INDEX CONCURRENTLY i ON ONLY s.t (a)", "Made Index i on t"),
            ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", "Made Index i on t, guarded"),
            ("DROP INDEX CONCURRENTLY IF EXISTS s.i CASCADE", "Removed Index i in s, guarded"),
            ("REINDEX TABLE CONCURRENTLY s.t", "Rebuilt Table t in s"),
            ("REINDEX (VERBOSE, CONCURRENTLY) INDEX i", "Rebuilt Index i"),
            ("REINDEX (CONCURRENTLY true) SCHEMA s", "Rebuilt Schema s"),
            ("DROP INDEX i ON t", "Removed Index i on t"),
            ("CREATE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT 1, 2", "Made View v"),
            ("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1", "Made Trigger g on t"),
            ("CREATE DEFINER = CURRENT_USER PROCEDURE p (x INT, y INT) SELECT 1", "Made Procedure p"),
            ("DROP EVENT e", "Removed Event e"),
            ("ALTER TABLE t ADD COLUMN b DECIMAL(3, 2) AFTER a", "Made Table t: Column b"),
            ("ALTER TABLE t ADD b INT", "Made Table t: Column b"),
            ("ALTER TABLE t ADD UNIQUE KEY k (a, b)", "Made Table t: Index k"),
            ("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (b)", "Made Table t: ForeignKey f"),
            ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "Made Table t: Constraint c"),
            ("ALTER TABLE t ADD PRIMARY KEY (a)", "Made Table t: Index PRIMARY"),
            ("ALTER TABLE t DROP COLUMN b", "Removed Table t: Column b"),
            ("ALTER TABLE t DROP FOREIGN KEY f", "Removed Table t: ForeignKey f"),
            ("ALTER TABLE t DROP INDEX k", "Removed Table t: Index k"),
        ] {
            assert_eq!(told(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_nobody_could_tell_afterwards_has_no_effect_in_this_sense() {
        for sql in [
            "RENAME TABLE a TO b, b TO a",
            "TRUNCATE TABLE t",
            "DROP TABLE a, b",
            "DROP TABLE IF EXISTS a",
            "CREATE TABLE IF NOT EXISTS t (a INT)",
            "CREATE OR REPLACE VIEW v AS SELECT 1",
            "CREATE TEMPORARY TABLE t (a INT)",
            "CREATE TABLE t AS SELECT 1",
            "CREATE TABLE t (a INT) ENGINE=MyISAM",
            "ALTER TABLE t ADD COLUMN a INT, ADD COLUMN b INT",
            "ALTER TABLE t ADD (a INT, b INT)",
            "ALTER TABLE t ADD INDEX (a)",
            "ALTER TABLE t ADD UNIQUE (a)",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (b)",
            "ALTER TABLE t ADD CHECK (a > 0)",
            "ALTER TABLE t MODIFY a BIGINT",
            "ALTER TABLE t CHANGE a b INT",
            "ALTER TABLE t ENGINE=InnoDB",
            "ALTER TABLE t RENAME TO u",
            "ALTER TABLE t ADD PARTITION (PARTITION p7 VALUES LESS THAN (700))",
            "ALTER TABLE t DROP PARTITION p",
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
            "CALL p()",
            "INSERT INTO t VALUES (1)",
            "CREATE INDEX ON t (a)",
            "CREATE INDEX IF NOT EXISTS i ON t (a)",
            "DROP INDEX IF EXISTS i ON t",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ON t (a)",
            "REINDEX TABLE t",
            "REINDEX (CONCURRENTLY false) TABLE t",
        ] {
            assert_eq!(told(sql), "undecidable", "{sql}");
        }
    }
}

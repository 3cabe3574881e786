//! The splitter: what must hold of any text in any dialect, and the targets of MySQL and MariaDB.

use whimbrel::script::{Lexing, Position, ProblemKind, Script, Statement, mask};
use whimbrel::{Directives, Effect};

use crate::Target;
use crate::corpus;
use crate::large::{nested, numbered, repeated};

pub(crate) const MYSQL: Target = Target {
    name: "mysql",
    check: |bytes| check(&String::from_utf8_lossy(bytes), &Lexing::MYSQL),
    seeds: || corpus::scripts("mysql"),
    words: WORDS,
    large: large_mysql,
    longest: 1 << 12,
};

pub(crate) const MARIADB: Target = Target {
    name: "mariadb",
    check: |bytes| check(&String::from_utf8_lossy(bytes), &Lexing::MARIADB),
    seeds: || corpus::scripts("mysql"),
    words: WORDS,
    large: large_mysql,
    longest: 1 << 12,
};

const WORDS: &[&str] = &[
    ";",
    "'",
    "''",
    "\"",
    "`",
    "\\",
    "\\'",
    "/*",
    "*/",
    "/*!",
    "/*!50000 ",
    "/*!80000 ",
    "/*!99999 ",
    "/*M!",
    "/*M!100000 ",
    "--",
    "-- ",
    "#",
    "\n",
    "\r\n",
    " ",
    "(",
    ")",
    ",",
    ".",
    "@",
    "@@",
    ":=",
    "=",
    ":",
    "$$",
    "$a$",
    "0x",
    "x'",
    "N'",
    "1e",
    "DELIMITER //\n",
    "DELIMITER ;\n",
    "delimiter $$\n",
    "//",
    "$$",
    "BEGIN ",
    "BEGIN NOT ATOMIC ",
    "END",
    "END IF",
    "END CASE",
    "IF ",
    "THEN ",
    "ELSE ",
    "ELSEIF ",
    "CASE ",
    "WHEN ",
    "LOOP ",
    "REPEAT ",
    "UNTIL ",
    "WHILE ",
    "DO ",
    "FOR ",
    "DECLARE ",
    "HANDLER FOR ",
    "CONTINUE ",
    "SQLSTATE ",
    "CREATE ",
    "PROCEDURE p() ",
    "FUNCTION f() RETURNS INT ",
    "TRIGGER t BEFORE INSERT ON x ",
    "FOR EACH ROW ",
    "EVENT e ON SCHEDULE EVERY 1 DAY ",
    "DEFINER=",
    "AS ",
    "SELECT 1",
    "SET ",
    "sql_mode",
    "NAMES gbk",
    "autocommit",
    "COMMIT",
    "ROLLBACK ",
    "TO SAVEPOINT ",
    "XA ",
    "START TRANSACTION",
    "SET STATEMENT a=1 FOR ",
    "PREPARE s FROM ",
    "EXECUTE s",
    "CHARACTER SET ",
    "RETURN ",
    "ALTER TABLE ",
    "ADD COLUMN ",
    "DROP TABLE ",
    "USE ",
    "whimbrel: ",
    "\u{feff}",
    "\u{e9}",
    "\u{0}",
];

fn large_mysql(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("assignments in one block", repeated(size, "BEGIN NOT ATOMIC IF 1 THEN ", "SET a THEN ", "")),
        ("labels before assignments", repeated(size, "BEGIN NOT ATOMIC ", "SET:", "")),
        ("executable comments that end nowhere alike", repeated(size, "", "/*!'/*'*/ ", "*/ */")),
        ("executable comments", repeated(size, "SELECT 1 ", "/*!50000 + 1 */ ", ";")),
        (
            "comments of many versions",
            numbered(size, "", |at| format!("/*!{} DO */ 1;", 80_000 + at % 900), ""),
        ),
        ("control in skipped comments", repeated(size, "", "/*!99999 DO */ COMMIT;", "")),
        ("modes out of variables", repeated(size, "", "SET SQL_MODE=@a;", "")),
        ("modes in modes", repeated(size, "SET ", "SQL_MODE=(", "")),
        (
            "variables that keep a mode",
            numbered(size, "", |at| format!("SET @v{at}=@@SQL_MODE,SQL_MODE=@v{at};"), ""),
        ),
        (
            "delimiters",
            numbered(
                size,
                "",
                |at| format!("DELIMITER {0}\nDO 1{0}\n", if at % 2 == 0 { "//" } else { "$$" }),
                "",
            ),
        ),
        ("a long delimiter", {
            let half = size / 2;
            [format!("DELIMITER {}b\n", "a".repeat(half)), "a".repeat(half)].concat().into_bytes()
        }),
        ("directives on one line", repeated(size, "DO 1;", "/*whimbrel: x*/", "")),
        ("blocks", nested(size, "CREATE PROCEDURE p() ", "BEGIN ", "DO 1;", "END; ")),
        ("cases", nested(size, "CREATE PROCEDURE p() SET a = ", "CASE 1 WHEN 2 THEN ", "3", " END")),
        ("statements for statements", repeated(size, "", "SET STATEMENT a=1 FOR ", "DO 1")),
        ("quotes", repeated(size, "SELECT ", "'a''\\'b' ", "")),
        ("an open quote", repeated(size, "SELECT '", "\\'", "")),
        ("line comments", repeated(size, "", "-- a\n#b\n", "")),
        ("semicolons", repeated(size, "", ";", "")),
        ("statements", repeated(size, "", "DO 1;", "")),
        (
            "prepared statements",
            numbered(size, "", |at| format!("PREPARE p{at} FROM 'DO 1';EXECUTE p{at};"), ""),
        ),
    ]
}

/// Checks what must hold of any text.
pub(crate) fn check(text: &str, lexing: &Lexing) {
    let _ = mask(text, lexing);
    let mut stream = Script::stream(text, lexing);
    let streamed: Vec<Statement<'_>> = stream.by_ref().collect();
    let problems = stream.into_problems();
    let script = match Script::parse(text, lexing) {
        Ok(script) => {
            assert_eq!(problems, [], "the stream refuses what is cut whole: {text:?}");
            script
        }
        Err(all) => {
            assert!(!all.is_empty(), "refused without a reason: {text:?}");
            assert_eq!(problems, all, "the stream has other reasons: {text:?}");
            let places: Vec<Position> = all.iter().map(|problem| problem.position).collect();
            assert!(places.is_sorted(), "the reasons are out of order: {text:?}");
            let mut places = Places::new(text);
            assert!(
                all.iter().all(|it| places.at(it.position.offset) == it.position),
                "a wrong place: {text:?}"
            );
            return;
        }
    };
    let told = |statement: &Statement<'_>| {
        (statement.text().to_owned(), statement.piece().to_owned(), statement.position())
    };
    let (whole, single): (Vec<_>, Vec<_>) =
        (script.statements().iter().map(told).collect(), streamed.iter().map(told).collect());
    assert_eq!(whole, single, "the stream cuts otherwise: {text:?}");
    assert_eq!(script.pieces().collect::<String>(), text, "the pieces do not rejoin");
    let (mut end, mut places) = (0, Places::new(text));
    for statement in script.statements() {
        let begin = check_statement(text, statement, &mut places, lexing);
        assert!(begin >= end, "a statement reaches into the one before: {text:?}");
        end = begin + statement.piece().len();
    }
    check_directives(text, &script);
    check_beginnings(text, &script, lexing);
}

/// Checks one statement, and tells where its piece begins.
fn check_statement(text: &str, statement: &Statement<'_>, places: &mut Places<'_>, lexing: &Lexing) -> usize {
    let (own, piece, position) = (statement.text(), statement.piece(), statement.position());
    let begin = piece.as_ptr().addr() - text.as_ptr().addr();
    let start = own.as_ptr().addr() - text.as_ptr().addr();
    assert!(!own.is_empty(), "an empty statement: {text:?}");
    assert_eq!(position, places.at(start), "a wrong place: {text:?}");
    assert!(
        begin <= start && start + own.len() <= begin + piece.len(),
        "a statement outside its piece: {text:?}"
    );
    let mut last = start;
    for word in statement.words() {
        assert!(word.offset >= last && !word.text.is_empty(), "words out of order: {text:?}");
        assert_eq!(
            text.get(word.offset..word.offset + word.text.len()),
            Some(word.text),
            "a word elsewhere: {text:?}"
        );
        last = word.offset + word.text.len();
    }
    assert!(last <= start + own.len(), "a word behind its statement: {text:?}");
    assert!(statement.readings().count() > 0, "no reading: {text:?}");
    let _ = Effect::of(statement);
    check_alone(own, lexing, text, places);
    begin
}

/// Lines and columns, counted from one place to the next.
struct Places<'t> {
    text: &'t str,
    last: Position,
    /// Whether there is a `DELIMITER` line.
    delimits: bool,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, last: Position::START, delimits: text.to_ascii_uppercase().contains("DELIMITER") }
    }

    /// The position of a place that is not before the last one.
    fn at(&mut self, offset: usize) -> Position {
        for letter in self.text.get(self.last.offset..offset).unwrap_or_default().chars() {
            (self.last.line, self.last.column) =
                if letter == '\n' { (self.last.line + 1, 1) } else { (self.last.line, self.last.column + 1) };
        }
        self.last.offset = offset;
        self.last
    }
}

/// Checks that a statement by itself is the same statement.
fn check_alone(own: &str, lexing: &Lexing, text: &str, places: &Places<'_>) {
    // Behind a `DELIMITER` line a statement may hold semicolons that end none, and two minus signs at the end of a text are a
    // comment, elsewhere none.
    if lexing.delimiter_command && (places.delimits || own.ends_with("--")) {
        return;
    }
    match Script::parse(own, lexing) {
        Ok(alone) => {
            let texts: Vec<&str> = alone.statements().iter().map(Statement::text).collect();
            assert_eq!(texts, [own], "cut once more it is another: {text:?}");
        }
        // What a script keeps of a setting it puts back; one statement of it may only do the latter.
        Err(problems) => assert!(
            lexing.delimiter_command
                && problems.iter().all(|it| {
                    matches!(it.kind, ProblemKind::AmbiguousQuotes | ProblemKind::AmbiguousComment)
                }),
            "refused by itself, and not in its script: {own:?}, {problems:?}, {text:?}"
        ),
    }
}

fn check_directives(text: &str, script: &Script<'_>) {
    let mut last = Position::START;
    for directive in script.directives() {
        assert!(directive.position >= last, "directives out of order: {text:?}");
        assert!(directive.statement <= script.statements().len(), "a directive of no statement: {text:?}");
        assert!(!directive.in_header || directive.statement == 0, "a header behind a statement: {text:?}");
        last = directive.position;
    }
    if let Ok(directives) = Directives::read(script) {
        let known = |waiver: &whimbrel::Waiver| {
            waiver.statement.is_none_or(|statement| statement < script.statements().len())
        };
        assert!(directives.waivers.iter().all(known), "a waiver of no statement: {text:?}");
    }
}

/// Checks that what stands behind a statement changes nothing about it: a text that ends there has the same ones.
fn check_beginnings(text: &str, script: &Script<'_>, lexing: &Lexing) {
    let all = script.statements();
    for count in [1, 2, all.len().saturating_sub(1)] {
        let Some(last) = count.checked_sub(1).and_then(|at| all.get(at)) else { continue };
        let end = last.piece().as_ptr().addr() - text.as_ptr().addr() + last.piece().len();
        let Some(beginning) = text.get(..end).filter(|beginning| beginning.ends_with(';')) else { continue };
        // A setting that is changed behind it is not in the beginning.
        let Ok(part) = Script::parse(beginning, lexing) else {
            assert!(lexing.delimiter_command, "refused without what follows: {beginning:?} of {text:?}");
            continue;
        };
        let told: Vec<&str> = part.statements().iter().map(Statement::text).collect();
        let expected: Vec<&str> = all.iter().take(count).map(Statement::text).collect();
        assert_eq!(told, expected, "a beginning is cut otherwise: {text:?}");
    }
}

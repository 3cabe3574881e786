//! Names that other tools give their files and folders: whose they look like, and what they would be called here. Reads no
//! file.

use super::parse_file_name;

/// What a name that is not of the layout looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guess {
    /// Whose it is, or what.
    pub(crate) what: &'static str,
    /// What it would be called here.
    pub(crate) name: Option<String>,
}

/// What a file with a name that is not of the layout may be.
pub(crate) fn guess(file: &str) -> Option<Guess> {
    let other = |what| Some(Guess { what, name: None });
    match () {
        () if file.ends_with(".sql.conf") => {
            return other("a setting of Flyway's: write directives into the script");
        }
        () if file == "atlas.sum" => return other("Atlas' manifest: `whimbrel.sum` takes its place"),
        () if ends(
            file,
            &["go", "py", "rb", "js", "ts", "mjs", "cjs", "rs", "java", "kt", "cs", "php", "exs", "ex"],
        ) =>
        {
            return other(
                "a migration that is a program: write it as SQL, or as a step in Rust (`VERSION_NAME.rust`)",
            );
        }
        () if ends(file, &["xml", "yaml", "yml", "json", "toml", "fizz"]) => {
            return other("a file of another tool: write it as SQL, or keep it in another directory");
        }
        () => {}
    }
    let lower = file.to_ascii_lowercase();
    let stem = lower.ends_with(".sql").then(|| &file[..file.len() - ".sql".len()])?;
    let (what, name) = renamed(stem)?;
    let good = parse_file_name(&name).is_ok() && name != file;
    (good || what != OTHERWISE).then(|| Guess { what, name: good.then_some(name) })
}

fn ends(file: &str, endings: &[&str]) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, ending)| endings.iter().any(|own| ending.eq_ignore_ascii_case(own)))
}

/// What is said only where there is a better name.
const OTHERWISE: &str = "a version and a name that are written otherwise";

/// The name of a script without its ending, as it would be here, and whose layout it is.
fn renamed(stem: &str) -> Option<(&'static str, String)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    if let Some(rest) = stem.strip_prefix(['V', 'U', 'B', 'v', 'u', 'b'])
        && let Some((version, name)) = rest.split_once("__")
        && version.starts_with(|letter: char| letter.is_ascii_digit())
    {
        let down = if stem.starts_with(['U', 'u']) { ".down" } else { "" };
        let name = format!("{version}_{}{down}.sql", plain(name));
        let what = match version.bytes().all(|byte| byte.is_ascii_digit()) {
            true => "the layout of Flyway or refinery",
            false => "the layout of Flyway, with a version of several parts: number them in their order",
        };
        return Some((what, name));
    }
    let count = digits(stem);
    if count == 0 {
        return None;
    }
    // 2024-01-01-000000_name
    let date = stem.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'-').count();
    if stem[..date].contains('-') && stem[date..].starts_with('_') {
        let version = stem[..date].replace('-', "");
        return Some(("a version with dashes", format!("{version}_{}.sql", plain(&stem[date + 1..]))));
    }
    let (version, rest) = stem.split_at(count);
    // A time to the microsecond is more than the history's numbers can hold; one to the millisecond is not.
    if version.parse::<i64>().is_err()
        && version.len() == 20
        && version.starts_with(['1', '2'])
        && let Some(name) = rest.strip_prefix('_')
    {
        let what = "a time to the microsecond, which is too large a number: leave out its last three digits";
        return Some((what, format!("{}_{}.sql", &version[..17], plain(name))));
    }
    if rest.is_empty() {
        return Some(("a version without a name", format!("{version}_migration.sql")));
    }
    let rest = rest.trim_start_matches(['-', '.', '_', ' ']);
    for (first, last, down) in
        [("do.", ".do", ""), ("undo.", ".undo", ".down"), ("up.", "-up", ""), ("down.", "-down", ".down")]
    {
        if let Some(name) = rest.strip_prefix(first).or_else(|| rest.strip_suffix(last)) {
            let what = "a layout that says the way in another place";
            return Some((what, format!("{version}_{}{down}.sql", plain(name))));
        }
    }
    Some((OTHERWISE, format!("{version}_{}.sql", plain(rest))))
}

/// A name of the letters that it may hold.
fn plain(name: &str) -> String {
    let good = |letter: char| {
        if letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.') { letter } else { '_' }
    };
    name.chars().map(good).collect()
}

/// What may be done about a folder that is not read, by what lies in it.
pub fn folder_advice<'n>(names: impl IntoIterator<Item = &'n str>) -> &'static str {
    let names: Vec<&str> = names.into_iter().filter(|name| !super::is_ignored(name)).collect();
    let has = |name: &str| names.contains(&name);
    if has("up.sql") {
        "a folder of diesel's layout, which is not read here: move its up.sql to VERSION_NAME.sql beside it, and its down.sql \
         to VERSION_NAME.down.sql"
    } else if has("migration.sql") {
        "a folder of Prisma's or drizzle's layout, which is not read here: move its migration.sql to VERSION_NAME.sql beside it"
    } else if !names.is_empty() && names.iter().all(|name| parse_file_name(name).is_ok()) {
        "a folder, and folders are not read unless asked: use `recursive`, or name it after the dialect"
    } else {
        "a folder that holds no migrations of this layout: move it out of the directory"
    }
}

/// Endings of names that say a way, as other tools have them before the ending of the file.
const WAYS: [(&str, &str); 5] =
    [("_up", "_down"), ("-up", "-down"), (".do", ".undo"), ("_do", "_undo"), ("_apply", "_rollback")];

/// Whether two names say by their ends that they are the two ways of one migration, as `users_up` and `users_down`.
pub fn are_ways(one: &str, other: &str) -> bool {
    WAYS.iter().any(|(up, down)| {
        let pair = |one: &str, other: &str| {
            one.strip_suffix(up).zip(other.strip_suffix(down)).is_some_and(|(one, other)| one == other)
        };
        pair(one, other) || pair(other, one)
    })
}

/// What to do about a file whose version another one has under another name; each with whether it is a way down.
pub(crate) fn one_version(
    version: &str,
    (name, down): (&str, bool),
    (other, other_down): (&str, bool),
) -> String {
    let digits = version;
    let version = match version.trim_start_matches('0') {
        "" => "0",
        version => version,
    };
    for (up_end, down_end) in WAYS {
        let stem = |up: &str, down: &str| {
            let stem = up.strip_suffix(up_end)?;
            (down.strip_suffix(down_end)? == stem).then(|| stem.to_owned())
        };
        if let Some(stem) = stem(name, other).or_else(|| stem(other, name)) {
            return format!(
                "version {version} has two files that say their way before the ending: call them {digits}_{stem}.up.sql and \
                 {digits}_{stem}.down.sql"
            );
        }
    }
    if down != other_down {
        let way = if down { "down" } else { "up" };
        return format!(
            "the other way of version {version} is named `{other}`, and both have one name: call this file \
             {digits}_{other}.{way}.sql, or give it another version if it belongs to another migration"
        );
    }
    format!("version {version} is taken by another file, named `{other}`: give it another version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_tools_are_told_what_they_would_be_here() {
        for (file, name) in [
            ("V1__create_users.sql", "1_create_users.sql"),
            ("V0042__add email.sql", "0042_add_email.sql"),
            ("U7__drop.sql", "7_drop.down.sql"),
            ("1_add user.sql", "1_add_user.sql"),
            ("001-create.sql", "001_create.sql"),
            ("20240101120000-create-up.sql", "20240101120000_create.sql"),
            ("20240101120000-create-down.sql", "20240101120000_create.down.sql"),
            ("003.do.users.sql", "003_users.sql"),
            ("003.undo.users.sql", "003_users.down.sql"),
            ("1create.sql", "1_create.sql"),
            ("7.sql", "7_migration.sql"),
            ("0001_USERS.SQL", "0001_USERS.sql"),
            ("20240101120000123456_users.sql", "20240101120000123_users.sql"),
            ("20240101120000123456_users.down.sql", "20240101120000123_users.down.sql"),
            ("2024-01-01-000000_users.sql", "20240101000000_users.sql"),
        ] {
            assert!(parse_file_name(file).is_err(), "{file}");
            let guess = guess(file).unwrap_or_else(|| panic!("{file}"));
            assert_eq!(guess.name.as_deref(), Some(name), "{file}: {guess:?}");
        }
        for file in ["V1.2__x.sql", "1_users.go", "changelog.xml", "1_a.sql.conf", "atlas.sum"] {
            assert_eq!(guess(file).map(|guess| guess.name), Some(None), "{file}");
        }
        for file in ["users.sql", "README.md", "LICENSE", "1_.sql", "99999999999999999999_x.sql"] {
            assert_eq!(guess(file), None, "{file}");
        }
        let told = |name, down, other, other_down| one_version("0003", (name, down), (other, other_down));
        let alike = told("x_down", false, "x_up", false);
        assert!(
            alike.contains("0003_x.up.sql and 0003_x.down.sql") && !alike.contains("another version"),
            "{alike}"
        );
        assert!(told("drop", true, "create", false).contains("call this file 0003_create.down.sql"));
        assert!(told("b", false, "a", false).contains("version 3 is taken"));
    }

    #[test]
    fn a_folder_is_only_said_to_be_read_where_reading_it_would_work() {
        for (names, said) in [
            (&["up.sql", "down.sql"][..], "diesel"),
            (&["migration.sql"], "Prisma"),
            (&["0001_a.sql", "0002_b.sql", ".git"], "use `recursive`"),
            (&["0001_a.sql", "_journal.json"], "move it out"),
            (&["_journal.json"], "move it out"),
            (&[], "move it out"),
        ] {
            assert!(folder_advice(names.iter().copied()).contains(said), "{names:?}");
        }
    }
}

//! What changes between two definitions of a column of MySQL or MariaDB: whether the table is copied for it, and whether
//! values may not fit any more. Knows no statement.

use crate::case::Case;
use crate::deed::{Column, Name, TypeName};

/// What a server does to change a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes what is known of the table.
    None,
    /// It builds the table anew, beside those who use it.
    Rebuild,
    /// It copies the table.
    Copy,
    /// What the column was before is not known.
    Unknown,
}

/// What is done for a column's new definition.
pub(super) fn effect(case: &Case<'_>, table: &Name, new: &Column) -> Effect {
    let Some(known) = case.catalog.table(table) else { return Effect::Unknown };
    let Some(old) = known.column(&new.name) else { return Effect::Unknown };
    let (Some(from), Some(to)) = (&old.ty, &new.ty) else { return Effect::Unknown };
    let of_table =
        known.options.iter().find(|(option, _)| option == "charset").map(|(_, charset)| charset.as_str());
    let charset = old.charset.as_deref().or(of_table);
    if old.generated != new.generated || old.identity != new.identity {
        return Effect::Copy;
    }
    if is_text(to) && new.charset.as_deref().is_some_and(|new| charset != Some(new)) {
        // Whether one character set is the other's beginning is the server's to say.
        return if charset.is_some() { Effect::Copy } else { Effect::Unknown };
    }
    if copies(from, to, charset) {
        Effect::Copy
    } else if old.not_null != new.not_null && !old.primary_key {
        Effect::Rebuild
    } else {
        Effect::None
    }
}

/// Whether values that fit into the column before may not fit into it afterwards.
pub(super) fn narrows(from: &TypeName, to: &TypeName) -> bool {
    if from.name == to.name {
        return match from.name.as_str() {
            "enum" | "set" => from.values.iter().any(|value| !to.values.contains(value)),
            // Of whole numbers it is how wide they are shown.
            name if whole_number(name).is_some() => from.unsigned != to.unsigned,
            "decimal" => {
                let digits = |ty: &TypeName| {
                    let total = ty.numbers.first().copied().unwrap_or(10);
                    let behind = ty.numbers.get(1).copied().unwrap_or(0);
                    (total.saturating_sub(behind), behind)
                };
                let (before, after) = (digits(from), digits(to));
                after.0 < before.0 || after.1 < before.1
            }
            "text" | "blob" | "tinytext" | "mediumtext" | "longtext" | "tinyblob" | "mediumblob"
            | "longblob" => false,
            "char" | "binary" | "bit" => size(to, 1) < size(from, 1),
            "datetime" | "timestamp" | "time" => size(to, 0) < size(from, 0),
            _ => size(to, u32::MAX) < size(from, u32::MAX),
        };
    }
    if let (Some(before), Some(after)) = (whole_number(&from.name), whole_number(&to.name)) {
        return after < before
            || (after == before && from.unsigned != to.unsigned)
            || (to.unsigned && !from.unsigned);
    }
    if let (Some(before), Some(after)) = (longest(from), longest(to)) {
        return after < before;
    }
    match (from.name.as_str(), to.name.as_str()) {
        // Into a text that holds any number or date.
        (_, "varchar" | "char") if !is_text(from) => size(to, 1) < 32,
        (_, "text" | "mediumtext" | "longtext") => false,
        ("date", "datetime" | "timestamp") | ("float", "double") | ("timestamp", "datetime") => false,
        (before, "decimal" | "double") => whole_number(before).is_none(),
        _ => true,
    }
}

/// Whether the table is copied for a change of type.
fn copies(from: &TypeName, to: &TypeName, charset: Option<&str>) -> bool {
    if from.name != to.name || from.unsigned != to.unsigned {
        return true;
    }
    match from.name.as_str() {
        name if whole_number(name).is_some() => false,
        "enum" | "set" => {
            let kept = to.values.starts_with(&from.values);
            let bytes = |count: usize| match from.name.as_str() {
                "enum" => usize::from(count > 255),
                _ => count.div_ceil(8),
            };
            !kept || bytes(from.values.len()) != bytes(to.values.len())
        }
        "varchar" | "varbinary" => {
            let (before, after) = (size(from, 0), size(to, 0));
            // A length takes one byte up to 255 of them, and two from there on.
            let bytes = if from.name == "varbinary" { 1 } else { bytes_per_character(charset) };
            let two = |length: u32| length.saturating_mul(bytes) > 255;
            after < before || two(before) != two(after)
        }
        "char" | "binary" | "bit" => size(from, 1) != size(to, 1),
        "datetime" | "timestamp" | "time" => size(from, 0) != size(to, 0),
        _ => from.numbers != to.numbers,
    }
}

/// The most bytes that a character takes; where nothing is said, what the servers of today assume.
fn bytes_per_character(charset: Option<&str>) -> u32 {
    match charset {
        Some(charset) if charset.starts_with("latin1") || charset.starts_with("ascii") => 1,
        Some("binary") => 1,
        Some(charset)
            if charset == "utf8" || charset.starts_with("utf8_") || charset.starts_with("utf8mb3") =>
        {
            3
        }
        _ => 4,
    }
}

fn size(ty: &TypeName, otherwise: u32) -> u32 {
    ty.numbers.first().copied().unwrap_or(otherwise)
}

fn is_text(ty: &TypeName) -> bool {
    longest(ty).is_some_and(|_| !ty.name.ends_with("blob") && !ty.name.ends_with("binary"))
        || matches!(ty.name.as_str(), "enum" | "set")
}

/// How long texts and strings of bytes may be.
fn longest(ty: &TypeName) -> Option<u64> {
    match ty.name.as_str() {
        "char" | "binary" => Some(u64::from(size(ty, 1))),
        "varchar" | "varbinary" => Some(u64::from(size(ty, 0))),
        "tinytext" | "tinyblob" => Some(255),
        "text" | "blob" => Some(65_535),
        "mediumtext" | "mediumblob" => Some(16_777_215),
        "longtext" | "longblob" | "json" => Some(4_294_967_295),
        _ => None,
    }
}

/// How many bytes a whole number takes.
fn whole_number(name: &str) -> Option<u8> {
    match name {
        "tinyint" => Some(1),
        "smallint" => Some(2),
        "mediumint" => Some(3),
        "int" => Some(4),
        "bigint" => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(name: &str, numbers: &[u32]) -> TypeName {
        TypeName::with(name, numbers)
    }

    fn values(name: &str, values: &[&str]) -> TypeName {
        TypeName { values: values.iter().map(|&value| value.to_owned()).collect(), ..TypeName::plain(name) }
    }

    #[test]
    fn what_servers_copied_when_they_were_asked_is_said_to_copy() {
        // Tried on MySQL 5.7 and 9.7, MariaDB 10.11 and 11.8, with ALGORITHM=INPLACE.
        for (from, to, copied) in [
            (ty("int", &[]), ty("bigint", &[]), true),
            (ty("int", &[]), ty("tinyint", &[]), true),
            (ty("int", &[11]), ty("int", &[]), false),
            (ty("varchar", &[50]), ty("varchar", &[60]), false),
            (ty("varchar", &[50]), ty("varchar", &[100]), true),
            (ty("varchar", &[300]), ty("varchar", &[400]), false),
            (ty("varchar", &[300]), ty("varchar", &[100]), true),
            (ty("varchar", &[50]), ty("varchar", &[40]), true),
            (ty("char", &[10]), ty("char", &[20]), true),
            (ty("varchar", &[300]), ty("text", &[]), true),
            (ty("decimal", &[5, 2]), ty("decimal", &[8, 2]), true),
            (ty("date", &[]), ty("datetime", &[]), true),
            (values("enum", &["a", "b"]), values("enum", &["a", "b", "c"]), false),
            (values("enum", &["a", "b"]), values("enum", &["a", "c", "b"]), true),
            (values("enum", &["a", "b"]), values("enum", &["a"]), true),
        ] {
            assert_eq!(copies(&from, &to, None), copied, "{from} to {to}");
        }
        assert!(!copies(&ty("varchar", &[50]), &ty("varchar", &[100]), Some("latin1")));
    }

    #[test]
    fn what_may_not_fit_any_more_is_narrower() {
        for (from, to, narrower) in [
            (ty("int", &[]), ty("bigint", &[]), false),
            (ty("int", &[]), ty("smallint", &[]), true),
            (ty("varchar", &[50]), ty("varchar", &[40]), true),
            (ty("varchar", &[50]), ty("varchar", &[60]), false),
            (ty("varchar", &[300]), ty("text", &[]), false),
            (ty("text", &[]), ty("varchar", &[255]), true),
            (ty("decimal", &[8, 2]), ty("decimal", &[8, 3]), true),
            (ty("decimal", &[8, 2]), ty("decimal", &[9, 3]), false),
            (ty("datetime", &[]), ty("date", &[]), true),
            (ty("datetime", &[6]), ty("datetime", &[]), true),
            (ty("date", &[]), ty("datetime", &[]), false),
            (ty("int", &[]), ty("varchar", &[40]), false),
            (ty("varchar", &[40]), ty("int", &[]), true),
            (ty("double", &[]), ty("float", &[]), true),
            (values("enum", &["a", "b"]), values("enum", &["a"]), true),
            (values("enum", &["a", "b"]), values("enum", &["b", "a"]), false),
        ] {
            assert_eq!(narrows(&from, &to), narrower, "{from} to {to}");
        }
        let unsigned = TypeName { unsigned: true, ..ty("int", &[]) };
        assert!(narrows(&ty("int", &[]), &unsigned) && narrows(&unsigned, &ty("int", &[])));
        assert!(!narrows(&unsigned, &ty("bigint", &[])));
    }
}

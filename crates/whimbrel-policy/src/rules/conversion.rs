//! What PostgreSQL does to a column's values when its type changes. Knows no statement.

use crate::deed::{TypeName, Using};

/// Whether the table is written anew. `from` is unknown where no script has made the column.
///
/// The conversions that need none are those whose cast has no function, or one that the planner knows to do nothing
/// ("ALTER TABLE", Notes; the support functions of `varchar`, `numeric`, `varbit`, `timestamp` and `interval`).
pub(super) fn rewrites(from: Option<&TypeName>, to: &TypeName, using: Using) -> bool {
    if using == Using::Expression {
        return true;
    }
    let Some(from) = from else {
        // To an unlimited text, mostly from a limited one: let it pass rather than cry wolf.
        return !(is_text(to) && to.numbers.is_empty());
    };
    if from.array != to.array {
        return true;
    }
    let wider = || match (&from.numbers[..], &to.numbers[..]) {
        (_, []) => true,
        ([], _) => false,
        (old, new) => old.first() <= new.first() && old.get(1) == new.get(1),
    };
    match (from.name.as_str(), to.name.as_str()) {
        ("varchar", "varchar" | "text") | ("text", "varchar" | "text") => !wider(),
        (old, new) if old != new => !matches!((old, new), ("cidr", "inet") | ("xml", "text")),
        ("numeric" | "varbit" | "time" | "timetz" | "timestamp" | "timestamptz" | "interval", _) => !wider(),
        _ => from.numbers != to.numbers,
    }
}

/// What is lost of values that the new type cannot hold, where the server does not refuse them.
pub(super) fn loses(from: &TypeName, to: &TypeName, using: Using) -> Option<&'static str> {
    let scale = |ty: &TypeName| ty.numbers.get(1).copied().unwrap_or(0);
    match (from.name.as_str(), to.name.as_str()) {
        ("numeric", "numeric")
            if !to.numbers.is_empty() && (from.numbers.is_empty() || scale(to) < scale(from)) =>
        {
            Some("decimals are rounded off")
        }
        ("numeric", "int2" | "int4" | "int8") if from.numbers.is_empty() || scale(from) > 0 => {
            Some("decimals are rounded off")
        }
        ("float4" | "float8", "int2" | "int4" | "int8") => Some("decimals are rounded off"),
        ("float8", "float4") | ("numeric", "float4" | "float8") => Some("digits are rounded off"),
        ("timestamp" | "timestamptz", "date") => Some("the time of day is cut off"),
        ("timestamp" | "timestamptz", "time" | "timetz") => Some("the date is cut off"),
        ("timestamp" | "timestamptz" | "time" | "timetz", _) if from.name == to.name && shorter(from, to) => {
            Some("fractions of seconds are rounded off")
        }
        ("json", "jsonb") => Some("the order of keys, and keys that stand twice, are gone"),
        ("text" | "varchar" | "bpchar", "varchar" | "bpchar")
            if using == Using::Cast && shorter(from, to) =>
        {
            Some("the cast cuts off what is longer, without an error")
        }
        _ => None,
    }
}

fn shorter(from: &TypeName, to: &TypeName) -> bool {
    match (from.numbers.first(), to.numbers.first()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    }
}

fn is_text(ty: &TypeName) -> bool {
    matches!(ty.name.as_str(), "text" | "varchar") && !ty.array
}

//! What PostgreSQL's expressions say of themselves: whether a default is one value, what a condition proves.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::tree::{child, children, has, word};
use crate::deed::DefaultValue;

/// What kind of value an expression has, as a default of a new column.
pub(super) fn value(node: &SyntaxNode) -> DefaultValue {
    match node.kind() {
        SyntaxKind::LITERAL if has(node, SyntaxKind::NULL_KW) => DefaultValue::None,
        SyntaxKind::LITERAL => DefaultValue::Constant,
        // `current_timestamp` and its kin: a default can name no column.
        SyntaxKind::NAME_REF => DefaultValue::Stable,
        SyntaxKind::CAST_EXPR | SyntaxKind::PAREN_EXPR if is_null(node) => DefaultValue::None,
        _ => within(node).max(DefaultValue::Constant),
    }
}

fn is_null(node: &SyntaxNode) -> bool {
    let inner = node.children().find(|child| {
        matches!(child.kind(), SyntaxKind::LITERAL | SyntaxKind::PAREN_EXPR | SyntaxKind::CAST_EXPR)
    });
    inner.is_some_and(|inner| value(&inner) == DefaultValue::None)
}

/// The most that anything in an expression does.
fn within(node: &SyntaxNode) -> DefaultValue {
    let mut most = DefaultValue::Constant;
    for below in node.descendants() {
        let own = match below.kind() {
            SyntaxKind::CALL_EXPR => function(&below),
            SyntaxKind::SELECT | SyntaxKind::PAREN_SELECT => DefaultValue::Volatile,
            _ => DefaultValue::Constant,
        };
        most = most.max(own);
    }
    most
}

fn function(call: &SyntaxNode) -> DefaultValue {
    let name = match call.children().next() {
        Some(callee) if callee.kind() == SyntaxKind::NAME_REF => word(&callee),
        Some(callee) if callee.kind() == SyntaxKind::FIELD_EXPR => {
            children(&callee, SyntaxKind::NAME_REF).last().map(|name| word(&name)).unwrap_or_default()
        }
        // `extract(…)`, `substring(…)`: a grammar of their own, and none of them volatile.
        _ => return DefaultValue::Constant,
    };
    if STABLE.contains(&name.as_str()) {
        DefaultValue::Stable
    } else if IMMUTABLE.contains(&name.as_str()) {
        DefaultValue::Constant
    } else {
        DefaultValue::Volatile
    }
}

/// Functions with one value for the whole statement. Whatever is in neither list counts as volatile, as PostgreSQL
/// itself has it for functions that do not say otherwise.
const STABLE: &[&str] = &[
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "current_setting",
    "current_schema",
    "current_database",
    "current_user",
    "session_user",
    "to_char",
    "to_date",
    "to_timestamp",
    "timezone",
    "date_trunc",
    "age",
    "txid_current",
    "pg_current_xact_id",
    "inet_client_addr",
    "concat",
    "concat_ws",
    "format",
    "to_jsonb",
    "to_json",
    "jsonb_build_object",
    "json_build_object",
    "jsonb_build_array",
    "json_build_array",
    "date_part",
    "to_tsvector",
    "row_to_json",
];

const IMMUTABLE: &[&str] = &[
    "lower",
    "upper",
    "initcap",
    "md5",
    "length",
    "char_length",
    "octet_length",
    "abs",
    "round",
    "ceil",
    "ceiling",
    "floor",
    "trunc",
    "power",
    "sqrt",
    "mod",
    "sign",
    "left",
    "right",
    "lpad",
    "rpad",
    "btrim",
    "ltrim",
    "rtrim",
    "trim",
    "replace",
    "reverse",
    "repeat",
    "substr",
    "substring",
    "strpos",
    "split_part",
    "translate",
    "ascii",
    "chr",
    "decode",
    "encode",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "array_fill",
    "make_date",
    "make_time",
    "make_timestamp",
    "make_interval",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
    "point",
    "box",
    "circle",
    "row",
    "array_append",
    "array_cat",
    "hashtext",
];

/// The columns that a condition proves not to be NULL: those of `a IS NOT NULL AND b IS NOT NULL`.
pub(super) fn proves_not_null(node: &SyntaxNode) -> Vec<String> {
    match node.kind() {
        SyntaxKind::PAREN_EXPR => {
            node.children().next().map(|inner| proves_not_null(&inner)).unwrap_or_default()
        }
        SyntaxKind::BIN_EXPR if has(node, SyntaxKind::AND_KW) => {
            node.children().flat_map(|side| proves_not_null(&side)).collect()
        }
        SyntaxKind::BIN_EXPR if has(node, SyntaxKind::IS_NOT) => {
            let null =
                child(node, SyntaxKind::LITERAL).is_some_and(|literal| has(&literal, SyntaxKind::NULL_KW));
            let column = child(node, SyntaxKind::NAME_REF).filter(|_| null);
            column.map(|column| word(&column)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a condition is `true`.
pub(super) fn is_true(node: &SyntaxNode) -> bool {
    match node.kind() {
        SyntaxKind::LITERAL => has(node, SyntaxKind::TRUE_KW),
        SyntaxKind::PAREN_EXPR => node.children().next().is_some_and(|inner| is_true(&inner)),
        _ => false,
    }
}

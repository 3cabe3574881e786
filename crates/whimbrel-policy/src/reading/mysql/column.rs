//! Columns of MySQL and MariaDB: types and attributes. Knows nothing of the statements that they stand in.

use crate::deed::{Column, DefaultValue, Generation, TypeName};
use crate::reading::cursor::{Cursor, literal};

/// A column's name and definition. What follows it and does not belong to it is left to the caller.
pub(super) fn column(cursor: &mut Cursor<'_, '_>) -> Option<Column> {
    let name = cursor.ident()?.to_lowercase();
    definition(name, cursor)
}

/// A column's definition, with the name that it has been given.
pub(super) fn definition(name: String, cursor: &mut Cursor<'_, '_>) -> Option<Column> {
    let mut column = Column::new(name, None);
    // MariaDB: `GENERATED ALWAYS AS ROW START` and the like may stand without a type, and so may `SERIAL` be one.
    let ty = type_name(cursor)?;
    if ty.name == "serial" {
        (column.not_null, column.identity, column.unique) = (true, true, true);
    }
    column.ty = Some(ty);
    attributes(&mut column, cursor)?;
    Some(column)
}

/// A type's name, by one spelling of each: the server's own.
pub(super) fn type_name(cursor: &mut Cursor<'_, '_>) -> Option<TypeName> {
    let mut word = cursor.ident()?.to_lowercase();
    if matches!(word.as_str(), "national" | "long") {
        let long = word == "long";
        word = match cursor.take_any(&["VARCHAR", "CHARACTER", "CHAR", "VARCHARACTER", "VARBINARY"]) {
            Some("VARBINARY") => "mediumblob".to_owned(),
            Some(_) if long => "mediumtext".to_owned(),
            None if long => "mediumtext".to_owned(),
            Some("VARCHAR" | "VARCHARACTER") => "varchar".to_owned(),
            _ => "char".to_owned(),
        };
    }
    if matches!(word.as_str(), "char" | "character" | "nchar")
        && cursor.take_any(&["VARYING", "VARCHAR", "VARCHARACTER"]).is_some()
    {
        word = "varchar".to_owned();
    }
    if word == "double" {
        cursor.take("PRECISION");
    }
    let name = match word.as_str() {
        "integer" | "int4" => "int",
        "int1" => "tinyint",
        "bool" | "boolean" => "tinyint",
        "int2" => "smallint",
        "int3" | "middleint" => "mediumint",
        "int8" => "bigint",
        "dec" | "numeric" | "fixed" | "number" => "decimal",
        "float4" => "float",
        "float8" | "real" => "double",
        "character" | "nchar" => "char",
        "varcharacter" | "nvarchar" | "varchar2" => "varchar",
        "geomcollection" => "geometrycollection",
        other => other,
    };
    let mut ty = TypeName::plain(name);
    if let Some(inner) = cursor.parenthesized() {
        for mut part in inner.parts() {
            let text = part.value()?;
            match text.parse() {
                Ok(number) => ty.numbers.push(number),
                Err(_) => ty.values.push(literal(text).to_owned()),
            }
        }
    }
    while let Some(word) = cursor.take_any(&["UNSIGNED", "SIGNED", "ZEROFILL"]) {
        ty.unsigned |= word != "SIGNED";
    }
    Some(ty)
}

/// What follows a column's type. Stops at what is none of its own.
fn attributes(column: &mut Column, cursor: &mut Cursor<'_, '_>) -> Option<()> {
    while !cursor.done() && !cursor.sees_symbol(",") {
        if cursor.take_all(&["NOT", "NULL"]) {
            column.not_null = true;
        } else if cursor.take("DEFAULT") {
            column.default = default(cursor)?;
        } else if cursor.take_all(&["ON", "UPDATE"]) {
            cursor.next()?;
            cursor.parenthesized();
        } else if cursor.take("AUTO_INCREMENT") {
            column.identity = true;
        } else if cursor.take("UNIQUE") {
            cursor.take("KEY");
            column.unique = true;
        } else if cursor.take_all(&["PRIMARY", "KEY"]) || cursor.take_all(&["PRIMARY"]) || cursor.take("KEY")
        {
            (column.primary_key, column.not_null) = (true, true);
        } else if cursor.take("COMMENT") {
            cursor.value()?;
        } else if let Some(charset) = charset(cursor) {
            column.charset = Some(charset);
        } else if cursor.take_all(&["GENERATED", "ALWAYS"]) {
            // What follows is `AS`, on the next turn.
        } else if cursor.take("AS") {
            if cursor.take("ROW") {
                cursor.next()?;
            } else {
                cursor.parenthesized()?;
                column.generated = Some(Generation::Virtual);
            }
        } else if cursor.take_any(&["STORED", "PERSISTENT"]).is_some() {
            column.generated = Some(Generation::Stored);
        } else if cursor.take("REFERENCES") {
            column.references = Some(cursor.name()?);
            reference_options(cursor);
        } else if cursor.take("CONSTRAINT") {
            if !cursor.sees("CHECK") {
                cursor.ident()?;
            }
        } else if cursor.take("CHECK") {
            cursor.parenthesized()?;
            column.check = true;
            if cursor.take_all(&["NOT", "ENFORCED"]) {
                column.check = false;
            }
            cursor.take("ENFORCED");
        } else if cursor.take("FIRST") {
            column.placed = true;
        } else if cursor.take("AFTER") {
            cursor.ident()?;
            column.placed = true;
        } else if cursor.sees_all(&["PARTITION", "BY"]) || cursor.sees_all(&["REMOVE", "PARTITIONING"]) {
            return Some(());
        } else {
            // `NULL`, `VIRTUAL`, `VISIBLE`, `COLUMN_FORMAT DYNAMIC`, `SRID 4326`, `ENGINE_ATTRIBUTE='…'` and whatever an
            // engine of MariaDB takes.
            cursor.peek().filter(|token| !token.is_symbol("("))?;
            cursor.next()?;
            if cursor.take_symbol("=") {
                cursor.next()?;
            }
        }
    }
    Some(())
}

/// What stands behind the table of a reference.
pub(super) fn reference_options(cursor: &mut Cursor<'_, '_>) -> bool {
    let mut cascades = false;
    cursor.parenthesized();
    loop {
        if cursor.take("MATCH") {
            cursor.next();
        } else if cursor.take_all(&["ON", "DELETE"]) || cursor.take_all(&["ON", "UPDATE"]) {
            cascades |= cursor.take("CASCADE");
            let _ = cursor.take("RESTRICT")
                || cursor.take_all(&["SET", "NULL"])
                || cursor.take_all(&["SET", "DEFAULT"])
                || cursor.take_all(&["NO", "ACTION"]);
        } else {
            return cascades;
        }
    }
}

/// `CHARACTER SET x`, `CHARSET = x`, `COLLATE x` and the words that stand for one. `CONVERT TO` is the caller's.
pub(super) fn charset(cursor: &mut Cursor<'_, '_>) -> Option<String> {
    let long = cursor.take_all(&["CHARACTER", "SET"]) || cursor.take_all(&["CHAR", "SET"]);
    if long || cursor.take_any(&["CHARSET", "COLLATE"]).is_some() {
        cursor.take_symbol("=");
        let value = cursor.value()?;
        return Some(literal(value).to_lowercase());
    }
    cursor
        .take_any(&["ASCII", "UNICODE"])
        .map(|word| if word == "ASCII" { "latin1" } else { "ucs2" }.to_owned())
}

/// What stands behind `DEFAULT`.
pub(super) fn default(cursor: &mut Cursor<'_, '_>) -> Option<DefaultValue> {
    if cursor.parenthesized().is_some() {
        return Some(DefaultValue::Volatile);
    }
    while cursor.take_symbol("-") || cursor.take_symbol("+") {}
    if cursor.take_all(&["NEXT", "VALUE", "FOR"]) {
        cursor.name()?;
        return Some(DefaultValue::Volatile);
    }
    let token = cursor.next()?;
    // `_utf8mb4'x'`: a word for the character set before the string; `DATE '2020-01-01'` likewise.
    if token.kind == whimbrel::script::TokenKind::Word
        && cursor.peek().is_some_and(|next| next.kind == whimbrel::script::TokenKind::String)
        && !token.is_keyword("NULL")
        && !token.is_keyword("TRUE")
        && !token.is_keyword("FALSE")
    {
        cursor.next();
        return Some(DefaultValue::Constant);
    }
    let called = cursor.parenthesized().is_some();
    let stable = [
        "CURRENT_TIMESTAMP",
        "NOW",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "CURRENT_DATE",
        "CURDATE",
        "CURRENT_USER",
    ];
    Some(match token.kind {
        _ if token.is_keyword("NULL") => DefaultValue::None,
        _ if stable.iter().any(|word| token.is_keyword(word)) => DefaultValue::Stable,
        // MariaDB needs no parentheses around an expression.
        _ if called || cursor.peek().is_some_and(|next| "+-*/%".contains(next.text)) => {
            while cursor.take_any_symbol("+-*/%") {
                cursor.skip();
                cursor.parenthesized();
            }
            DefaultValue::Volatile
        }
        _ => DefaultValue::Constant,
    })
}

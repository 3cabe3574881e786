//! Values on their way to PostgreSQL, as text, and back, as bytes of a type.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};
use whimbrel::Value;

/// A value that is bound as text, so that the server reads it as the type that it wants at that place.
#[derive(Debug)]
pub(crate) struct Bound<'v>(pub(crate) &'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::Real(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Blob(bytes) => {
                out.extend_from_slice(b"\\x");
                bytes.iter().for_each(|byte| out.extend_from_slice(format!("{byte:02x}").as_bytes()));
            }
            _ => return Err("a kind of value that this driver does not know".into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// The type of a parameter about which nothing is said (protocol message Parse: "placing a zero here").
pub(crate) fn unspecified() -> Type {
    Type::new("unspecified".to_owned(), 0, Kind::Pseudo, "pg_catalog".to_owned())
}

/// A value that came back; `None` if it is of a type that is not known here.
pub(crate) struct Found(pub(crate) Option<Value>);

impl<'a> FromSql<'a> for Found {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(value(kind, raw)?))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(Value::Null)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The binary forms of postgresql.org/docs/current/protocol-message-formats.html, as each type's `send` function makes them.
fn value(kind: &Type, raw: &[u8]) -> Result<Option<Value>, Box<dyn Error + Sync + Send>> {
    let text = |raw: &[u8]| std::str::from_utf8(raw).map(|text| Value::Text(text.to_owned()));
    Ok(Some(match *kind {
        Type::BOOL => Value::Integer(bool::from_sql(kind, raw)?.into()),
        Type::INT2 => Value::Integer(i16::from_sql(kind, raw)?.into()),
        Type::INT4 => Value::Integer(i32::from_sql(kind, raw)?.into()),
        Type::INT8 => Value::Integer(i64::from_sql(kind, raw)?),
        Type::OID => Value::Integer(u32::from_sql(kind, raw)?.into()),
        Type::FLOAT4 => Value::Real(f32::from_sql(kind, raw)?.into()),
        Type::FLOAT8 => Value::Real(f64::from_sql(kind, raw)?),
        Type::BYTEA => Value::Blob(raw.to_vec()),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::CHAR => text(raw)?,
        Type::JSON | Type::XML => text(raw)?,
        // A version goes first.
        Type::JSONB => text(raw.get(1..).unwrap_or_default())?,
        Type::UUID => {
            let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)];
            Value::Text(parts.map(Option::unwrap_or_default).join("-"))
        }
        // What a function answers that answers nothing.
        Type::VOID => Value::Null,
        _ if matches!(kind.kind(), Kind::Enum(_)) => text(raw)?,
        _ => return Ok(None),
    }))
}

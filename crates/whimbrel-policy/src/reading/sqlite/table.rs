//! Tables of SQLite: columns, constraints, options. Knows nothing of tables that are there already.

use sqlite3_parser::ast::{
    ColumnConstraint, ColumnDefinition, CreateTableBody, Expr, ForeignKeyClause, Literal,
    NamedTableConstraint, RefAct, RefArg, SortedColumn, TabFlags, TableConstraint, TypeSize,
};

use super::{column_of, is_double_quoted, text};
use crate::deed::{
    Column, Constraint, ConstraintKind, Deed, DefaultValue, Generation, Name, NewTable, TypeName,
};

/// `CREATE TABLE`.
pub(super) fn create(
    name: Name,
    temporary: bool,
    if_not_exists: bool,
    body: &CreateTableBody<'_>,
) -> Vec<Deed> {
    // `temp.t` is as temporary as `TEMP TABLE t`.
    let temporary = temporary || name.schema.as_deref() == Some("temp");
    let mut table = NewTable { temporary, if_not_exists, ..NewTable::new(name) };
    let mut deeds = Vec::new();
    match body {
        CreateTableBody::AsSelect(_) => table.from_query = true,
        CreateTableBody::ColumnsAndConstraints { columns, constraints, flags } => {
            table.columns = columns.iter().map(column).collect();
            table.constraints = constraints.unwrap_or_default().iter().filter_map(constraint).collect();
            for (flag, option) in [(TabFlags::Strict, "strict"), (TabFlags::WithoutRowid, "without rowid")] {
                if flags.contains(flag) {
                    table.options.push((option.to_owned(), String::new()));
                }
            }
            deeds.extend(columns.iter().filter_map(quoted_default).take(1));
        }
    }
    deeds.insert(0, Deed::CreateTable(table));
    deeds
}

/// A column's definition.
pub(super) fn column(definition: &ColumnDefinition<'_>) -> Column {
    let ty = definition.col_type.as_ref().filter(|ty| !ty.name.is_empty()).map(|ty| {
        let numbers: Vec<u32> = match &ty.size {
            Some(TypeSize::MaxSize(one)) => [number(one)].into_iter().flatten().collect(),
            Some(TypeSize::TypeSize(one, two)) => [number(one), number(two)].into_iter().flatten().collect(),
            None => Vec::new(),
        };
        TypeName::with(text(ty.name), &numbers)
    });
    let mut column = Column::new(text(definition.col_name.0), ty);
    for constraint in definition.constraints {
        match &constraint.constraint {
            ColumnConstraint::PrimaryKey { auto_increment, .. } => {
                column.primary_key = true;
                column.identity |= auto_increment;
            }
            ColumnConstraint::NotNull { nullable, .. } => column.not_null = !nullable,
            ColumnConstraint::Unique(_) => column.unique = true,
            ColumnConstraint::Check(_) => column.check = true,
            ColumnConstraint::Default(value) => column.default = default(value),
            ColumnConstraint::Collate { collation_name } => column.charset = Some(text(collation_name.0)),
            ColumnConstraint::ForeignKey { clause, .. } => {
                column.references = Some(Name::bare(text(clause.tbl_name.0)));
            }
            ColumnConstraint::Generated { typ, .. } => {
                let stored = typ.as_ref().is_some_and(|word| word.0.eq_ignore_ascii_case("STORED"));
                column.generated = Some(if stored { Generation::Stored } else { Generation::Virtual });
            }
            ColumnConstraint::Defer(_) => {}
        }
    }
    column
}

/// A table's constraint.
pub(super) fn constraint(definition: &NamedTableConstraint<'_>) -> Option<Constraint> {
    let kind = match &definition.constraint {
        TableConstraint::PrimaryKey { columns, .. } => {
            ConstraintKind::PrimaryKey { columns: names(columns), using_index: None }
        }
        TableConstraint::Unique { columns, .. } => {
            ConstraintKind::Unique { columns: names(columns), using_index: None }
        }
        TableConstraint::Check(..) => ConstraintKind::Check { not_null: Vec::new() },
        TableConstraint::ForeignKey { columns, clause, .. } => ConstraintKind::ForeignKey {
            columns: columns.iter().map(|column| text(column.col_name.0)).collect(),
            references: Name::bare(text(clause.tbl_name.0)),
            cascades: cascades(clause),
        },
    };
    Some(Constraint { name: definition.name.as_ref().map(|name| text(name.0)), kind, validated: true })
}

/// Whether a column's default is text between the quotes of names.
pub(super) fn quoted_default(definition: &ColumnDefinition<'_>) -> Option<Deed> {
    definition
        .constraints
        .iter()
        .any(|constraint| match &constraint.constraint {
            ColumnConstraint::Default(Expr::Parenthesized(inner)) => inner.iter().any(is_double_quoted),
            ColumnConstraint::Default(value) => is_double_quoted(value),
            _ => false,
        })
        .then_some(Deed::QuotedText { place: "DEFAULT" })
}

fn cascades(clause: &ForeignKeyClause<'_>) -> bool {
    clause.args.iter().any(|argument| {
        matches!(argument, RefArg::OnDelete(RefAct::Cascade) | RefArg::OnUpdate(RefAct::Cascade))
    })
}

fn names(columns: &[SortedColumn<'_>]) -> Vec<String> {
    columns.iter().filter_map(|column| column_of(&column.expr)).collect()
}

fn number(expression: &Expr<'_>) -> Option<u32> {
    match expression {
        Expr::Literal(Literal::Numeric(text)) => text.parse().ok(),
        _ => None,
    }
}

/// What SQLite takes for a constant when a column is added: a literal with a sign, and nothing in parentheses but that.
fn default(expression: &Expr<'_>) -> DefaultValue {
    match expression {
        Expr::Literal(Literal::Null) => DefaultValue::None,
        Expr::Literal(Literal::CurrentDate | Literal::CurrentTime | Literal::CurrentTimestamp) => {
            DefaultValue::Stable
        }
        Expr::Literal(_) | Expr::Id(_) | Expr::Name(_) => DefaultValue::Constant,
        Expr::Unary(_, inner) => default(inner),
        Expr::Parenthesized(inner) => match &inner[..] {
            [one] => default(one),
            _ => DefaultValue::Volatile,
        },
        _ => DefaultValue::Volatile,
    }
}

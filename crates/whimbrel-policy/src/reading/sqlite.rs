//! Reads SQLite's statements with its own grammar. Judges nothing.

mod table;

use bumpalo::Bump;
use fallible_iterator::FallibleIterator as _;
use sqlite3_parser::ast::{
    AlterTableBody, Cmd, Expr, InsertBody, Literal, OneSelect, PragmaBody, QualifiedName, ResolveType, Stmt,
    UnaryOperator,
};
use sqlite3_parser::lexer::sql::Parser;
use whimbrel::script::Statement;

use self::table::{column, constraint};
use super::{Reading, Unparsed};
use crate::deed::{Deed, Name, NewIndex, ObjectKind};

/// What a statement does.
pub(crate) fn read(statement: &Statement<'_>) -> Result<Reading, Unparsed> {
    let bump = Bump::new();
    let mut parser = Parser::new(&bump, statement.text().as_bytes());
    let command = match parser.next() {
        Ok(Some(command)) => command,
        Ok(None) => return Err(Unparsed { why: "there is nothing in it".to_owned() }),
        // The parser's own words would hold the text.
        Err(_) => {
            let position = parser.position();
            let why = format!("SQLite's grammar has no place for what stands in its line {}", position.line);
            return Err(Unparsed { why });
        }
    };
    let mut deeds = match command {
        Cmd::Stmt(statement) => deeds(&statement),
        Cmd::Explain(_) | Cmd::ExplainQueryPlan(_) => vec![Deed::Harmless],
    };
    let tokens: Vec<_> = statement.words().collect();
    if tokens.windows(2).any(|pair| pair[0].is_keyword("LOAD_EXTENSION") && pair[1].is_symbol("(")) {
        deeds.push(Deed::LoadCode { what: "load_extension" });
    }
    Ok(Reading::of(deeds))
}

fn deeds(statement: &Stmt<'_>) -> Vec<Deed> {
    let deed = match statement {
        Stmt::AlterTable(table, body) => return alter(named(table), body),
        Stmt::CreateTable { temporary, if_not_exists, tbl_name, body } => {
            return table::create(named(tbl_name), *temporary, *if_not_exists, body);
        }
        Stmt::CreateVirtualTable { if_not_exists, tbl_name, module_name, .. } => {
            let mut table = crate::deed::NewTable::new(named(tbl_name));
            table.if_not_exists = *if_not_exists;
            table.options.push(("virtual".to_owned(), text(module_name.0)));
            Deed::CreateTable(table)
        }
        Stmt::CreateIndex { unique, if_not_exists, idx_name, tbl_name, columns, where_clause } => {
            let table = Name { schema: named(idx_name).schema, name: text(tbl_name.0) };
            Deed::CreateIndex(NewIndex {
                name: Some(named(idx_name).name),
                table,
                columns: columns.iter().map(|column| column_of(&column.expr)).collect(),
                unique: *unique,
                concurrently: false,
                if_not_exists: *if_not_exists,
                partial: where_clause.is_some(),
                special: None,
            })
        }
        Stmt::CreateView { view_name, .. } => Deed::CreateView {
            name: named(view_name),
            replaces: false,
            materialized: false,
            rights: None,
            reads: Vec::new(),
        },
        Stmt::CreateTrigger { trigger_name, tbl_name, .. } => {
            Deed::CreateTrigger { name: named(trigger_name).name, table: named(tbl_name), replaces: false }
        }
        Stmt::DropTable { tbl_name, .. } => dropped(ObjectKind::Table, tbl_name),
        Stmt::DropIndex { idx_name, .. } => dropped(ObjectKind::Index, idx_name),
        Stmt::DropView { view_name, .. } => dropped(ObjectKind::View, view_name),
        Stmt::DropTrigger { trigger_name, .. } => dropped(ObjectKind::Trigger, trigger_name),
        Stmt::Insert { or_conflict, tbl_name, body, .. } => {
            return insert(named(tbl_name), *or_conflict, body);
        }
        Stmt::Update { or_conflict, tbl_name, from, where_clause, limit, .. } => {
            let table = named(tbl_name);
            // Rows that a join leaves out are left alone.
            let filtered = where_clause.is_some() || limit.is_some() || from.is_some();
            let mut deeds = vec![Deed::Update { table: table.clone(), filtered }];
            deeds.extend(on_conflict(&table, *or_conflict));
            return deeds;
        }
        Stmt::Delete { tbl_name, where_clause, limit, .. } => {
            Deed::Delete { table: named(tbl_name), filtered: where_clause.is_some() || limit.is_some() }
        }
        Stmt::Pragma(name, body) => {
            let value = body.as_ref().map(|body| match body {
                PragmaBody::Equals(value) | PragmaBody::Call(value) => value_of(value),
            });
            Deed::Pragma { name: text(name.name.0), value }
        }
        Stmt::Attach { .. } => Deed::Attach,
        Stmt::Vacuum(_, into) => match into {
            Some(_) => Deed::Harmless,
            None => Deed::Maintain { what: "VACUUM", tables: Vec::new(), full: true },
        },
        Stmt::Begin(..) => Deed::TransactionControl { what: "BEGIN" },
        Stmt::Commit(_) => Deed::TransactionControl { what: "COMMIT" },
        Stmt::Rollback { savepoint_name: None, .. } => Deed::TransactionControl { what: "ROLLBACK" },
        _ => Deed::Harmless,
    };
    vec![deed]
}

fn alter(table: Name, body: &AlterTableBody<'_>) -> Vec<Deed> {
    let deed = match body {
        AlterTableBody::RenameTo(to) => {
            let to = Name { schema: table.schema.clone(), name: text(to.0) };
            Deed::Rename { kind: ObjectKind::Table, from: table, to, on: None }
        }
        AlterTableBody::AddColumn(definition) => {
            let mut deeds = vec![Deed::AddColumn { table, column: column(definition) }];
            deeds.extend(table::quoted_default(definition));
            return deeds;
        }
        AlterTableBody::RenameColumn { old, new } => {
            Deed::RenameColumn { table, from: text(old.0), to: text(new.0) }
        }
        AlterTableBody::DropColumn(column) => {
            Deed::DropColumn { table, column: text(column.0), cascade: false }
        }
        AlterTableBody::SetColumnNotNull(column, _) => Deed::SetNotNull { table, column: text(column.0) },
        AlterTableBody::DropColumnNotNull(column) => Deed::DropNotNull { table, column: text(column.0) },
        AlterTableBody::AddConstraint(definition) => match constraint(definition) {
            Some(constraint) => Deed::AddConstraint { table, constraint },
            None => Deed::AlterTable { table, what: "a constraint" },
        },
        AlterTableBody::DropConstraint(name) => {
            Deed::DropConstraint { table, name: text(name.0), cascade: false }
        }
    };
    vec![deed]
}

fn insert(table: Name, conflict: Option<ResolveType>, body: &InsertBody<'_>) -> Vec<Deed> {
    let values = match body {
        InsertBody::Select(select, _) => match &select.body.select {
            OneSelect::Values(rows) if select.body.compounds.is_none() => Some(rows),
            _ => None,
        },
        InsertBody::DefaultValues => None,
    };
    let queried = values.is_none() && matches!(body, InsertBody::Select(..));
    let mut deeds = vec![Deed::Insert { table: table.clone(), queried }];
    deeds.extend(on_conflict(&table, conflict));
    // Where rows are listed there are no columns that a name could mean.
    if values.is_some_and(|rows| rows.iter().flatten().any(is_double_quoted)) {
        deeds.push(Deed::QuotedText { place: "VALUES" });
    }
    deeds
}

/// What `OR …` does beside the statement.
fn on_conflict(table: &Name, conflict: Option<ResolveType>) -> Option<Deed> {
    let table = table.clone();
    match conflict? {
        ResolveType::Replace => Some(Deed::Replace { table }),
        ResolveType::Ignore => Some(Deed::Forgive { table, what: "OR IGNORE" }),
        // The engine notices when a transaction has ended.
        ResolveType::Rollback | ResolveType::Abort | ResolveType::Fail => None,
    }
}

fn dropped(kind: ObjectKind, name: &QualifiedName<'_>) -> Deed {
    Deed::Drop { kind, names: vec![named(name)], cascade: false, concurrently: false, on: None }
}

fn named(name: &QualifiedName<'_>) -> Name {
    Name { schema: name.db_name.as_ref().map(|schema| text(schema.0)), name: text(name.name.0) }
}

/// A name without its quotes, in lower case: SQLite does not tell ASCII's cases apart, wherever they stand.
fn text(name: &str) -> String {
    let quote = name.chars().next().filter(|quote| matches!(quote, '"' | '`' | '[' | '\''));
    let Some(quote) = quote else { return name.to_ascii_lowercase() };
    let close = if quote == '[' { ']' } else { quote };
    let inner = name.strip_prefix(quote).and_then(|name| name.strip_suffix(close)).unwrap_or(name);
    let twice: String = [close, close].iter().collect();
    inner.replace(&twice, &close.to_string()).to_ascii_lowercase()
}

/// The column that an expression is, if it is one.
fn column_of(expression: &Expr<'_>) -> Option<String> {
    match expression {
        Expr::Id(name) => Some(text(name.0)),
        Expr::Name(name) => Some(text(name.0)),
        Expr::Collate(inner, _) => column_of(inner),
        _ => None,
    }
}

fn is_double_quoted(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Id(name) => name.0.starts_with('"'),
        Expr::Name(name) => name.0.starts_with('"'),
        _ => false,
    }
}

/// The value of a pragma.
fn value_of(expression: &Expr<'_>) -> String {
    match expression {
        Expr::Literal(Literal::Numeric(text) | Literal::Keyword(text)) => text.to_ascii_lowercase(),
        Expr::Literal(Literal::String(value)) => text(value),
        Expr::Unary(UnaryOperator::Negative, inner) => format!("-{}", value_of(inner)),
        Expr::Unary(_, inner) => value_of(inner),
        other => column_of(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;

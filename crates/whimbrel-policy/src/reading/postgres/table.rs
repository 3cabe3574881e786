//! Reads PostgreSQL's tables: their columns and constraints, and what `ALTER TABLE` does to them.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::expression;
use super::tree::{below, child, children, has, name, name_in, word, word_in};
use crate::deed::{
    Column, Constraint, ConstraintKind, Deed, DefaultValue, Generation, Name, NewIndex, NewTable, ObjectKind,
    PartitionChange, TypeName, Using,
};

pub(super) fn create(node: &SyntaxNode) -> Option<Deed> {
    let mut table = NewTable::new(name_in(node, &[K::TABLE_NAME])?);
    table.if_not_exists = has(node, K::IF_NOT_EXISTS);
    table.temporary = has(node, K::TEMP);
    table.unlogged = has(node, K::UNLOGGED);
    table.from_query = node.kind() == K::CREATE_TABLE_AS;
    table.partition_of = child(node, K::PARTITION_OF).map(|of| name(&of));
    if has(node, K::PARTITION_BY) {
        table.options.push(("partition by".to_owned(), String::new()));
    }
    if has(node, K::INHERITS) || has(node, K::OF_TYPE) {
        table.options.push(("inherits".to_owned(), String::new()));
    }
    if let Some(list) = child(node, K::TABLE_ARG_LIST) {
        for part in list.children() {
            match part.kind() {
                K::COLUMN => table.columns.push(column(&part)?),
                K::LIKE_CLAUSE => table.options.push(("like".to_owned(), String::new())),
                _ => table.constraints.extend(constraint(&part)),
            }
        }
    }
    Some(Deed::CreateTable(table))
}

/// A column's definition, in `CREATE TABLE` or `ADD COLUMN`.
fn column(node: &SyntaxNode) -> Option<Column> {
    let ty = node.children().find_map(|child| type_name(&child));
    let mut column = Column::new(word_in(node, K::COLUMN_NAME)?, ty);
    if let Some(ty) = &mut column.ty
        && let Some(plain) = serial(&ty.name)
    {
        *ty = TypeName::plain(plain);
        (column.identity, column.not_null) = (true, true);
    }
    for clause in node.children() {
        match clause.kind() {
            K::NOT_NULL_CONSTRAINT => column.not_null = true,
            K::DEFAULT_CONSTRAINT => {
                column.default =
                    clause.children().last().map_or(DefaultValue::None, |it| expression::value(&it));
            }
            K::GENERATED_CONSTRAINT => {
                if has(&clause, K::GENERATED_IDENTITY) {
                    (column.identity, column.not_null) = (true, true);
                } else {
                    let stored = below(&clause, K::STORED).next().is_some();
                    column.generated = Some(if stored { Generation::Stored } else { Generation::Virtual });
                }
            }
            K::PRIMARY_KEY_CONSTRAINT => (column.primary_key, column.not_null) = (true, true),
            K::UNIQUE_CONSTRAINT => column.unique = true,
            K::REFERENCES_CONSTRAINT => column.references = name_in(&clause, &[K::TABLE_NAME_REF]),
            K::CHECK_CONSTRAINT => column.check = true,
            _ => {}
        }
    }
    Some(column)
}

fn serial(ty: &str) -> Option<&'static str> {
    Some(match ty {
        "serial" | "serial4" => "int4",
        "bigserial" | "serial8" => "int8",
        "smallserial" | "serial2" => "int2",
        _ => return None,
    })
}

/// A type, under the name that the catalog has for it.
fn type_name(node: &SyntaxNode) -> Option<TypeName> {
    let name = match node.kind() {
        K::ARRAY_TYPE => {
            let inner = node.children().find_map(|child| type_name(&child))?;
            return Some(TypeName { array: true, ..inner });
        }
        K::PATH_TYPE => {
            let path = child(node, K::PATH_REF)?;
            let full = name(&path);
            match &full.schema {
                Some(schema) if schema != "pg_catalog" => full.to_string(),
                _ => spelled(&full.name).to_owned(),
            }
        }
        K::VARCHAR_TYPE => "varchar".to_owned(),
        K::CHARACTER_TYPE => "bpchar".to_owned(),
        K::BIT_TYPE => "bit".to_owned(),
        K::BIT_VARYING_TYPE => "varbit".to_owned(),
        K::DOUBLE_TYPE => "float8".to_owned(),
        K::TIME_TYPE if has(node, K::WITH_TIMEZONE) => "timetz".to_owned(),
        K::TIME_TYPE => "time".to_owned(),
        K::TIMESTAMP_TYPE if has(node, K::WITH_TIMEZONE) => "timestamptz".to_owned(),
        K::TIMESTAMP_TYPE => "timestamp".to_owned(),
        K::INTERVAL_TYPE => "interval".to_owned(),
        _ => return None,
    };
    let numbers =
        below(node, K::LITERAL).filter_map(|literal| literal.text().to_string().parse().ok()).collect();
    Some(TypeName { numbers, ..TypeName::plain(name) })
}

fn spelled(name: &str) -> &str {
    match name {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "decimal" | "dec" => "numeric",
        "boolean" => "bool",
        "real" => "float4",
        "float" => "float8",
        "char" => "bpchar",
        other => other,
    }
}

/// A table's constraint; none for kinds that no rule looks at.
fn constraint(node: &SyntaxNode) -> Option<Constraint> {
    let columns = |list: K| {
        let list = below(node, list).next();
        list.map(|list| children(&list, K::COLUMN_NAME_REF).map(|column| word(&column)).collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let using_index = || {
        child(node, K::USING_INDEX_NAME)
            .and_then(|using| name_in(&using, &[K::INDEX_REF]))
            .map(|index| index.name)
    };
    let kind = match node.kind() {
        K::CHECK_CONSTRAINT => ConstraintKind::Check {
            not_null: node.children().flat_map(|child| expression::proves_not_null(&child)).collect(),
        },
        K::FOREIGN_KEY_CONSTRAINT => ConstraintKind::ForeignKey {
            columns: columns(K::FOREIGN_KEY_COLUMN_LIST),
            references: name_in(node, &[K::TABLE_NAME_REF])?,
            cascades: has(node, K::ON_DELETE_ACTION),
        },
        K::UNIQUE_CONSTRAINT => ConstraintKind::Unique {
            columns: columns(K::CONSTRAINT_COLUMN_REF_LIST),
            using_index: using_index(),
        },
        K::PRIMARY_KEY_CONSTRAINT => ConstraintKind::PrimaryKey {
            columns: columns(K::CONSTRAINT_COLUMN_REF_LIST),
            using_index: using_index(),
        },
        K::EXCLUDE_CONSTRAINT => ConstraintKind::Exclude,
        K::NOT_NULL_CONSTRAINT => ConstraintKind::NotNull { column: word_in(node, K::COLUMN_NAME_REF)? },
        _ => return None,
    };
    let name = child(node, K::CONSTRAINT_NAME_CLAUSE).and_then(|clause| word_in(&clause, K::CONSTRAINT_NAME));
    // What is not enforced is not checked either.
    let validated = !has(node, K::NOT_VALID) && !has(node, K::NOT_ENFORCED);
    Some(Constraint { name, kind, validated })
}

/// What an `ALTER TABLE` does, an action at a time.
pub(super) fn alter(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let Some(relation) = child(node, K::TABLE_RELATION_NAME) else {
        // `ALL IN TABLESPACE`
        return Some(vec![Deed::Opaque { what: "ALTER TABLE ALL IN TABLESPACE" }]);
    };
    let table = name(&relation);
    let mut deeds = Vec::new();
    for part in node.children().filter(|part| !matches!(part.kind(), K::TABLE_RELATION_NAME | K::IF_EXISTS)) {
        deeds.push(action(&part, &table)?);
    }
    Some(deeds)
}

fn action(node: &SyntaxNode, table: &Name) -> Option<Deed> {
    let table = table.clone();
    let plain = |what| Some(Deed::AlterTable { table: table.clone(), what });
    let rewrite = |by| Some(Deed::Rewrite { table: table.clone(), by });
    let cascade = has(node, K::CASCADE);
    let constraint_name = || name_in(node, &[K::CONSTRAINT_NAME_REF]).map(|name| name.name);
    match node.kind() {
        K::ADD_COLUMN => Some(Deed::AddColumn { table, column: column(node)? }),
        K::DROP_COLUMN => {
            Some(Deed::DropColumn { table, column: word_in(node, K::COLUMN_NAME_REF)?, cascade })
        }
        K::ALTER_COLUMN => alter_column(node, table),
        K::ADD_CONSTRAINT => match node.children().find_map(|child| constraint(&child)) {
            Some(constraint) => Some(Deed::AddConstraint { table, constraint }),
            None => plain("ADD CONSTRAINT"),
        },
        K::DROP_CONSTRAINT => Some(Deed::DropConstraint { table, name: constraint_name()?, cascade }),
        K::VALIDATE_CONSTRAINT => Some(Deed::ValidateConstraint { table, name: constraint_name()? }),
        K::RENAME_COLUMN => {
            let from = word_in(node, K::COLUMN_NAME_REF)?;
            Some(Deed::RenameColumn { table, from, to: word_in(node, K::COLUMN_NAME)? })
        }
        K::TABLE_RENAME_TO => {
            let new = name_in(node, &[K::TABLE_NAME])?;
            let to = Name { schema: table.schema.clone(), name: new.name };
            Some(Deed::Rename { kind: ObjectKind::Table, from: table, to, on: None })
        }
        K::SET_SCHEMA => {
            let to = Name { schema: word_in(node, K::SCHEMA_REF), name: table.name.clone() };
            Some(Deed::Rename { kind: ObjectKind::Table, from: table, to, on: None })
        }
        K::ENABLE_RLS => Some(Deed::RowSecurity { table, on: true }),
        K::DISABLE_RLS => Some(Deed::RowSecurity { table, on: false }),
        K::DISABLE_TRIGGER | K::DISABLE_RULE => Some(Deed::Triggers { table, on: false }),
        K::ENABLE_TRIGGER
        | K::ENABLE_RULE
        | K::ENABLE_ALWAYS_TRIGGER
        | K::ENABLE_ALWAYS_RULE
        | K::ENABLE_REPLICA_TRIGGER
        | K::ENABLE_REPLICA_RULE => Some(Deed::Triggers { table, on: true }),
        K::ATTACH_PARTITION | K::DETACH_PARTITION => {
            let change = if node.kind() == K::ATTACH_PARTITION {
                PartitionChange::Attach
            } else {
                PartitionChange::Detach
            };
            let partition = name_in(node, &[K::TABLE_NAME_REF]);
            let concurrently = has(node, K::DETACH_CONCURRENTLY) || has(node, K::DETACH_FINALIZE);
            Some(Deed::Partition { table, partition, change, concurrently })
        }
        K::SET_LOGGED => rewrite("SET LOGGED"),
        K::SET_UNLOGGED => rewrite("SET UNLOGGED"),
        K::SET_ACCESS_METHOD => rewrite("SET ACCESS METHOD"),
        K::SET_TABLESPACE => rewrite("SET TABLESPACE"),
        K::MERGE_PARTITIONS => rewrite("MERGE PARTITIONS"),
        K::SPLIT_PARTITION => rewrite("SPLIT PARTITION"),
        K::OWNER_TO => Some(Deed::Own { kind: ObjectKind::Table, name: table }),
        // A weaker lock, which lets others read and write.
        K::SET_OPTIONS | K::RESET_OPTIONS | K::CLUSTER_ON | K::SET_WITHOUT_CLUSTER => Some(Deed::Harmless),
        K::RENAME_CONSTRAINT => plain("RENAME CONSTRAINT"),
        _ => plain("this action"),
    }
}

fn alter_column(node: &SyntaxNode, table: Name) -> Option<Deed> {
    let column = word_in(node, K::COLUMN_NAME_REF)?;
    let option = node.children().find(|child| child.kind() != K::COLUMN_NAME_REF)?;
    Some(match option.kind() {
        K::SET_TYPE => {
            let to = option.children().find_map(|child| type_name(&child))?;
            Deed::AlterType { table, using: using(&option, &column), column, to }
        }
        K::SET_NOT_NULL => Deed::SetNotNull { table, column },
        K::DROP_NOT_NULL => Deed::DropNotNull { table, column },
        K::SET_DEFAULT => {
            let default =
                option.children().next().map_or(DefaultValue::None, |value| expression::value(&value));
            Deed::SetDefault { table, column, default }
        }
        K::DROP_DEFAULT => Deed::SetDefault { table, column, default: DefaultValue::None },
        K::SET_EXPRESSION => Deed::Regenerate { table, column },
        // A weaker lock, which lets others read and write.
        K::SET_STATISTICS | K::SET_OPTIONS_LIST | K::RESET_OPTIONS => Deed::Harmless,
        _ => Deed::AlterTable { table, what: "ALTER COLUMN" },
    })
}

fn using(option: &SyntaxNode, column: &str) -> Using {
    let Some(value) = child(option, K::USING_EXPR).and_then(|using| using.children().next()) else {
        return Using::Assignment;
    };
    let is_column = |node: &SyntaxNode| node.kind() == K::NAME_REF && word(node) == column;
    match value.kind() {
        K::NAME_REF if is_column(&value) => Using::Assignment,
        K::CAST_EXPR if value.children().next().is_some_and(|inner| is_column(&inner)) => Using::Cast,
        _ => Using::Expression,
    }
}

pub(super) fn create_index(node: &SyntaxNode) -> Option<Deed> {
    let relation = child(node, K::TABLE_RELATION_NAME)?;
    if has(&relation, K::ONLY_KW) {
        // On a partitioned table alone: it builds nothing.
        return Some(Deed::AlterTable { table: name(&relation), what: "CREATE INDEX ON ONLY" });
    }
    let items = child(node, K::PARTITION_ITEM_LIST)?;
    let columns = children(&items, K::PARTITION_ITEM)
        .map(|item| child(&item, K::NAME_REF).map(|column| word(&column)))
        .collect();
    Some(Deed::CreateIndex(NewIndex {
        name: name_in(node, &[K::INDEX]).map(|index| index.name),
        table: name(&relation),
        columns,
        unique: has(node, K::UNIQUE_KW),
        concurrently: has(node, K::CONCURRENTLY_KW),
        if_not_exists: has(node, K::IF_NOT_EXISTS),
        partial: has(node, K::WHERE_CLAUSE),
        special: None,
    }))
}

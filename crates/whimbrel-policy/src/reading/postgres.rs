//! Reads PostgreSQL's statements: parses them, and tells what each does. Judges nothing.

mod block;
mod expression;
mod rights;
mod table;
#[cfg(test)]
mod tests;
mod tree;

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::{SourceFile, SyntaxNode};
use whimbrel::script::Statement;

use self::tree::{below, child, children, has, name, name_in, names_in, string, word, word_in, words};
use super::{Reading, Unparsed};
use crate::deed::{ConstraintKind, Deed, Name, NewTable, ObjectKind, ReindexTarget};

/// What a statement does.
pub(crate) fn read(statement: &Statement<'_>) -> Result<Reading, Unparsed> {
    let parse = SourceFile::parse(statement.text());
    if let Some(error) = parse.errors().first() {
        // The parser's own words: they name tokens that it expects, and none of the text.
        return Err(Unparsed { why: error.message().chars().take(120).collect() });
    }
    let root = parse.syntax_node();
    let mut statements = root.children();
    match (statements.next(), statements.next()) {
        (Some(node), None) => deeds(&node)
            .map(Reading::of)
            .ok_or_else(|| Unparsed { why: "a part of it is missing".to_owned() }),
        _ => Err(Unparsed { why: "it is not one statement".to_owned() }),
    }
}

/// What a statement's node does. `None`: a name that has to be there is not.
fn deeds(node: &SyntaxNode) -> Option<Vec<Deed>> {
    if let Some((kind, refs)) = dropped(node.kind()) {
        return drop(node, kind, refs);
    }
    let one = |deed: Option<Deed>| deed.map(|deed| vec![deed]);
    match node.kind() {
        K::CREATE_TABLE | K::CREATE_TABLE_AS => one(table::create(node)),
        K::ALTER_TABLE => table::alter(node),
        K::CREATE_INDEX => one(table::create_index(node)),
        K::ALTER_FOREIGN_TABLE => Some(vec![Deed::Harmless]),
        K::TRUNCATE => {
            let list = child(node, K::TABLE_LIST)?;
            let tables = names_in(&list, &[K::TABLE_RELATION_NAME]);
            Some(vec![Deed::Truncate { tables, cascade: has(node, K::CASCADE) }])
        }
        K::INSERT
        | K::UPDATE
        | K::DELETE
        | K::MERGE
        | K::SELECT
        | K::COMPOUND_SELECT
        | K::PAREN_SELECT
        | K::VALUES
        | K::TABLE
        | K::SELECT_INTO => query(node),
        // What is prepared is run by a name from which nobody sees it.
        K::PREPARE | K::DECLARE => query(node),
        K::EXPLAIN => {
            let runs = words(node).split(' ').take(4).any(|word| word.contains("ANALYZE"));
            if runs { query(node) } else { Some(vec![Deed::Harmless]) }
        }
        K::REINDEX => reindex(node),
        K::REFRESH => one(Some(Deed::Refresh {
            view: name_in(node, &[K::VIEW_REF])?,
            concurrently: has(node, K::CONCURRENTLY_KW) || words(node).ends_with("WITH NO DATA"),
        })),
        K::VACUUM | K::CLUSTER => Some(vec![maintain(node)]),
        K::LOCK => Some(vec![lock(node)?]),
        K::CREATE_FUNCTION | K::CREATE_PROCEDURE => rights::create_routine(node),
        K::ALTER_FUNCTION | K::ALTER_PROCEDURE | K::ALTER_ROUTINE => one(rights::alter_routine(node)),
        K::CREATE_VIEW | K::CREATE_MATERIALIZED_VIEW => one(rights::create_view(node)),
        K::CREATE_POLICY => one(rights::create_policy(node)),
        K::CREATE_TRIGGER => one(Some(Deed::CreateTrigger {
            name: word_in(node, K::TRIGGER)?,
            table: name(&child(node, K::ON_RELATION)?),
            replaces: has(node, K::OR_REPLACE),
        })),
        K::CREATE_EVENT_TRIGGER => {
            one(Some(Deed::CreateEventTrigger { name: word_in(node, K::EVENT_TRIGGER)? }))
        }
        K::GRANT => one(rights::grant(node)),
        K::REVOKE => one(Some(Deed::Revoke { what: String::new() })),
        K::ALTER_DEFAULT_PRIVILEGES => match child(node, K::GRANT_DEFAULT_PRIVILEGES) {
            Some(grant) => one(rights::grant(&grant)),
            None => one(Some(Deed::Revoke { what: String::new() })),
        },
        K::CREATE_ROLE
        | K::CREATE_USER
        | K::CREATE_GROUP
        | K::ALTER_ROLE
        | K::ALTER_USER
        | K::ALTER_GROUP => one(rights::role(node)),
        K::CREATE_EXTENSION => one(Some(Deed::Extension { name: word_in(node, K::EXTENSION)? })),
        K::ALTER_SYSTEM => one(Some(Deed::AlterSystem {
            what: below(node, K::CONFIG_PARAMETER_REF)
                .next()
                .map(|it| name(&it).to_string())
                .unwrap_or_default(),
        })),
        K::SET | K::RESET => Some(vec![set(node)]),
        K::COPY => copy(node),
        K::DO => block::deeds(node),
        K::CALL => Some(vec![Deed::Opaque { what: "CALL" }]),
        K::EXECUTE => Some(vec![Deed::Opaque { what: "EXECUTE" }]),
        K::ALTER_TYPE => alter_type(node),
        K::ALTER_DOMAIN => alter_domain(node),
        K::ALTER_VIEW | K::ALTER_MATERIALIZED_VIEW | K::ALTER_INDEX | K::ALTER_SEQUENCE | K::ALTER_SCHEMA => {
            Some(vec![rename(node)?])
        }
        K::CREATE_TYPE => create(node, ObjectKind::Type, &[K::TYPE_NAME]),
        K::CREATE_DOMAIN => create(node, ObjectKind::Domain, &[K::DOMAIN]),
        K::CREATE_SEQUENCE => create(node, ObjectKind::Sequence, &[K::SEQUENCE]),
        _ => Some(vec![Deed::Harmless]),
    }
}

fn create(node: &SyntaxNode, kind: ObjectKind, names: &[K]) -> Option<Vec<Deed>> {
    let name = name_in(node, names).unwrap_or_else(|| Name::bare(""));
    Some(vec![Deed::Create { kind, name }])
}

/// What a `DROP` drops, and what its names are called in the tree.
fn dropped(kind: K) -> Option<(ObjectKind, &'static [K])> {
    Some(match kind {
        K::DROP_TABLE => (ObjectKind::Table, &[K::TABLE_NAME_REF]),
        K::DROP_FOREIGN_TABLE => (ObjectKind::ForeignTable, &[K::TABLE_NAME_REF]),
        K::DROP_VIEW => (ObjectKind::View, &[K::VIEW_REF]),
        K::DROP_MATERIALIZED_VIEW => (ObjectKind::MaterializedView, &[K::VIEW_REF]),
        K::DROP_INDEX => (ObjectKind::Index, &[K::INDEX_REF]),
        K::DROP_SCHEMA => (ObjectKind::Schema, &[K::SCHEMA_REF]),
        K::DROP_DATABASE => (ObjectKind::Database, &[K::DATABASE_REF]),
        K::DROP_SEQUENCE => (ObjectKind::Sequence, &[K::SEQUENCE_REF]),
        K::DROP_TYPE => (ObjectKind::Type, &[K::TYPE_NAME_REF]),
        K::DROP_DOMAIN => (ObjectKind::Domain, &[K::DOMAIN_REF]),
        K::DROP_TRIGGER => (ObjectKind::Trigger, &[K::TRIGGER_REF]),
        K::DROP_EVENT_TRIGGER => (ObjectKind::EventTrigger, &[K::EVENT_TRIGGER_REF]),
        K::DROP_POLICY => (ObjectKind::Policy, &[K::POLICY_REF]),
        K::DROP_FUNCTION | K::DROP_PROCEDURE | K::DROP_ROUTINE | K::DROP_AGGREGATE => {
            (ObjectKind::Routine, &[])
        }
        K::DROP_EXTENSION => (ObjectKind::Extension, &[K::EXTENSION_REF]),
        K::DROP_ROLE | K::DROP_USER | K::DROP_GROUP => (ObjectKind::Role, &[K::ROLE_REF]),
        K::DROP_OWNED => (ObjectKind::Owned, &[]),
        K::DROP_PUBLICATION => (ObjectKind::Publication, &[K::PUBLICATION_REF]),
        _ => return None,
    })
}

fn drop(node: &SyntaxNode, kind: ObjectKind, refs: &[K]) -> Option<Vec<Deed>> {
    let mut names = names_in(node, refs);
    if kind == ObjectKind::Routine {
        let list = node.children().find(|child| words(child) != "IF EXISTS")?;
        let sigs = list.children().filter(|child| child.kind() != K::PARAM_LIST);
        names = sigs.map(|sig| name(&sig.children().next().unwrap_or(sig))).collect();
    }
    if kind == ObjectKind::Owned {
        names = below(node, K::ROLE_REF).map(|role| Name::bare(word(&role))).collect();
    }
    let on = node
        .children()
        .find(|child| matches!(child.kind(), K::ON_RELATION | K::ON_TABLE))
        .map(|on| name(&on));
    Some(vec![Deed::Drop {
        kind,
        names,
        cascade: has(node, K::CASCADE),
        concurrently: has(node, K::CONCURRENTLY_KW),
        on,
    }])
}

/// What a query does: also in its `WITH`, and by the functions that it calls.
fn query(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let mut deeds = Vec::new();
    for below in node.descendants() {
        match below.kind() {
            K::DELETE => deeds.push(Deed::Delete {
                table: name_in(&below, &[K::RELATION_NAME])?,
                filtered: has(&below, K::WHERE_CLAUSE)
                    || has(&below, K::WHERE_CURRENT_OF)
                    || has(&below, K::USING_CLAUSE),
            }),
            K::UPDATE => deeds.push(Deed::Update {
                table: name_in(&below, &[K::RELATION_NAME])?,
                filtered: has(&below, K::WHERE_CLAUSE)
                    || has(&below, K::WHERE_CURRENT_OF)
                    || has(&below, K::FROM_CLAUSE),
            }),
            K::INSERT => deeds.push(Deed::Insert {
                table: name_in(&below, &[K::RELATION_NAME_REF])?,
                queried: has(&below, K::SELECT) || has(&below, K::COMPOUND_SELECT),
            }),
            K::MERGE => deeds
                .push(Deed::Update { table: name_in(&below, &[K::TABLE_RELATION_NAME])?, filtered: true }),
            K::SELECT_INTO => {
                let mut table = NewTable::new(name_in(&child(&below, K::INTO_CLAUSE)?, &[K::TABLE_NAME])?);
                table.from_query = true;
                deeds.push(Deed::CreateTable(table));
            }
            K::CALL_EXPR => deeds.extend(call(&below)),
            _ => {}
        }
    }
    if deeds.is_empty() {
        deeds.push(Deed::Harmless);
    }
    Some(deeds)
}

/// What a function of the server does, if it is one of those that rules are about.
fn call(node: &SyntaxNode) -> Option<Deed> {
    let function = node.children().next().filter(|callee| callee.kind() == K::NAME_REF)?;
    let function = word(&function);
    match function.as_str() {
        "set_config" => {
            let arguments = child(node, K::ARG_LIST)?;
            let mut arguments = children(&arguments, K::ARG);
            let setting = string(&arguments.next()?)?.to_lowercase();
            let value = arguments.next().and_then(|value| string(&value));
            let local = arguments.next().is_some_and(|local| words(&local) == "TRUE");
            Some(Deed::Set { setting, value, local })
        }
        "pg_read_file" | "pg_read_binary_file" | "pg_ls_dir" => {
            Some(Deed::ServerFile { what: "reads the server's files", program: false })
        }
        "lo_import" | "lo_export" => {
            Some(Deed::ServerFile { what: "moves data to or from the server's files", program: false })
        }
        "dblink_exec" | "query_to_xml" => Some(Deed::Opaque { what: "a function that runs SQL" }),
        _ => None,
    }
}

fn reindex(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let target = node.children().find(|child| child.kind() != K::REINDEX_OPTION_LIST)?;
    let concurrently =
        has(&target, K::CONCURRENTLY_KW) || below(node, K::REINDEX_OPTION_CONCURRENTLY).next().is_some();
    let target = match target.kind() {
        K::REINDEX_TARGET_TABLE => ReindexTarget::Table(name_in(&target, &[K::TABLE_NAME_REF])?),
        K::REINDEX_TARGET_INDEX => ReindexTarget::Index(name_in(&target, &[K::INDEX_REF])?),
        _ => ReindexTarget::All,
    };
    Some(vec![Deed::Reindex { target, concurrently }])
}

fn maintain(node: &SyntaxNode) -> Deed {
    let mut tables: Vec<Name> = below(node, K::TABLE_RELATION_NAME).map(|table| name(&table)).collect();
    tables.extend(names_in(node, &[K::TABLE_NAME_REF]));
    let full = node.kind() == K::CLUSTER
        || has(node, K::FULL_KW)
        || below(node, K::VACUUM_OPTION).any(|option| {
            let option = words(&option);
            option.starts_with("FULL") && !["FALSE", "OFF", "0"].iter().any(|off| option.ends_with(off))
        });
    let what = match (node.kind(), full) {
        (K::CLUSTER, _) => "CLUSTER",
        (_, true) => "VACUUM FULL",
        _ => "VACUUM",
    };
    Deed::Maintain { what, tables, full }
}

fn lock(node: &SyntaxNode) -> Option<Deed> {
    let list = child(node, K::RELATION_LIST)?;
    let mode = child(node, K::LOCK_MODE_CLAUSE).map(|clause| words(&clause));
    let mode =
        mode.as_deref().unwrap_or("ACCESS EXCLUSIVE").trim_start_matches("IN ").trim_end_matches(" MODE");
    Some(Deed::Lock {
        tables: names_in(&list, &[K::RELATION_NAME]),
        mode: mode.to_owned(),
        nowait: has(node, K::NOWAIT),
    })
}

fn set(node: &SyntaxNode) -> Deed {
    let Some(setting) = below(node, K::CONFIG_PARAMETER_REF).next() else { return Deed::Harmless };
    let setting = name(&setting).to_string().to_lowercase();
    let value =
        below(node, K::TO_CONFIG_VALUE).next().filter(|value| !has(value, K::DEFAULT_KW)).map(|value| {
            string(&value).unwrap_or_else(|| {
                words(&value).trim_start_matches("= ").trim_start_matches("TO ").to_lowercase()
            })
        });
    Deed::Set { setting, value, local: has(node, K::LOCAL_SCOPE) }
}

fn copy(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let mut deeds = Vec::new();
    let target = child(node, K::COPY_TABLE).and_then(|table| name_in(&table, &[K::TABLE_NAME_REF]));
    if let Some(outside) = below(node, K::COPY_PROGRAM).next() {
        let program = has(&outside, K::PROGRAM_KW);
        let what = match (program, has(node, K::COPY_FROM)) {
            (true, _) => "runs a program on the server",
            (false, true) => "reads a file of the server",
            (false, false) => "writes a file on the server",
        };
        deeds.push(Deed::ServerFile { what, program });
    }
    if let Some(table) = target.filter(|_| has(node, K::COPY_FROM)) {
        deeds.push(Deed::Insert { table, queried: true });
    }
    if let Some(query) = child(node, K::COPY_QUERY) {
        deeds.extend(self::query(&query)?);
    }
    Some(deeds)
}

fn alter_type(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let ty = name_in(node, &[K::TYPE_NAME_REF])?;
    let rename = |kind, to: Name| vec![Deed::Rename { kind, from: ty.clone(), to, on: None }];
    if let Some(add) = child(node, K::ADD_VALUE) {
        return Some(vec![Deed::AddEnumValue { name: ty, value: string(&add).unwrap_or_default() }]);
    }
    if has(node, K::RENAME_VALUE) {
        return Some(rename(ObjectKind::EnumValue, ty.clone()));
    }
    if has(node, K::RENAME_ATTRIBUTE) {
        return Some(rename(ObjectKind::Attribute, ty.clone()));
    }
    if let Some(to) = child(node, K::TYPE_RENAME_TO) {
        let to = Name { schema: ty.schema.clone(), name: name(&to).name };
        return Some(rename(ObjectKind::Type, to));
    }
    if let Some(to) = child(node, K::SET_SCHEMA) {
        let to = Name { schema: word_in(&to, K::SCHEMA_REF), name: ty.name.clone() };
        return Some(rename(ObjectKind::Type, to));
    }
    let attributes = child(node, K::ALTER_TYPE_ATTRIBUTE_ACTION_LIST);
    if attributes.is_some_and(|actions| has(&actions, K::DROP_ATTRIBUTE) || has(&actions, K::ALTER_ATTRIBUTE))
    {
        let (names, kind) = (vec![ty], ObjectKind::Attribute);
        return Some(vec![Deed::Drop { kind, names, cascade: false, concurrently: false, on: None }]);
    }
    Some(vec![Deed::Harmless])
}

fn alter_domain(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let domain = name_in(node, &[K::DOMAIN_REF])?;
    if let Some(add) = child(node, K::ADD_CONSTRAINT) {
        let valid = below(&add, K::NOT_VALID).next().is_none();
        return Some(vec![Deed::ConstrainDomain { name: domain, valid }]);
    }
    if has(node, K::SET_NOT_NULL) || has(node, K::VALIDATE_CONSTRAINT) {
        return Some(vec![Deed::ConstrainDomain { name: domain, valid: true }]);
    }
    Some(vec![Deed::Harmless])
}

/// `ALTER VIEW` and the like, of which rules look at new names and owners.
fn rename(node: &SyntaxNode) -> Option<Deed> {
    let (kind, refs, new) = match node.kind() {
        K::ALTER_VIEW => (ObjectKind::View, K::VIEW_REF, K::VIEW_RENAME_TO),
        K::ALTER_MATERIALIZED_VIEW => (ObjectKind::MaterializedView, K::VIEW_REF, K::VIEW_RENAME_TO),
        K::ALTER_INDEX => (ObjectKind::Index, K::INDEX_REF, K::INDEX_RENAME_TO),
        K::ALTER_SEQUENCE => (ObjectKind::Sequence, K::SEQUENCE_REF, K::SEQUENCE_RENAME_TO),
        _ => (ObjectKind::Schema, K::SCHEMA_REF, K::SCHEMA_RENAME_TO),
    };
    let Some(from) = name_in(node, &[refs]) else { return Some(Deed::Harmless) };
    if let Some(to) = child(node, new) {
        let to = Name { schema: from.schema.clone(), name: name(&to).name };
        return Some(Deed::Rename { kind, from, to, on: None });
    }
    if let Some(to) = child(node, K::SET_SCHEMA) {
        let to = Name { schema: word_in(&to, K::SCHEMA_REF), name: from.name.clone() };
        return Some(Deed::Rename { kind, from, to, on: None });
    }
    if has(node, K::OWNER_TO) {
        return Some(Deed::Own { kind, name: from });
    }
    if kind == ObjectKind::View
        && let Some(rights) = rights::invoker(node)
    {
        let (rights, reads) = (Some(rights), Vec::new());
        return Some(Deed::CreateView { name: from, replaces: true, materialized: false, rights, reads });
    }
    Some(Deed::Harmless)
}

/// Whether a mode of `LOCK TABLE` keeps others from writing.
pub(crate) fn blocks_writes(mode: &str) -> bool {
    ["SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"].contains(&mode)
}

/// The table that others can no longer write, or not even read, from this deed on until the transaction ends.
pub(crate) fn locks_out(deed: &Deed) -> Option<&Name> {
    match deed {
        Deed::Rename { kind: ObjectKind::Table, from, .. } => Some(from),
        Deed::Truncate { tables, .. } => tables.first(),
        Deed::Drop { kind: ObjectKind::Trigger | ObjectKind::Policy, on, .. } => on.as_ref(),
        Deed::Lock { tables, mode, .. } if blocks_writes(mode) => tables.first(),
        Deed::AddColumn { table, .. }
        | Deed::DropColumn { table, .. }
        | Deed::RenameColumn { table, .. }
        | Deed::AlterType { table, .. }
        | Deed::SetNotNull { table, .. }
        | Deed::DropNotNull { table, .. }
        | Deed::SetDefault { table, .. }
        | Deed::Regenerate { table, .. }
        | Deed::AddConstraint { table, .. }
        | Deed::DropConstraint { table, .. }
        | Deed::Partition {
            table, change: crate::deed::PartitionChange::Detach, concurrently: false, ..
        }
        | Deed::Rewrite { table, .. }
        | Deed::RowSecurity { table, .. }
        | Deed::Triggers { table, .. }
        | Deed::AlterTable { table, .. }
        | Deed::CreateTrigger { table, .. }
        | Deed::CreatePolicy { table, .. } => Some(table),
        Deed::CreateTable(NewTable { partition_of: Some(parent), .. }) => Some(parent),
        Deed::CreateTable(table) => table.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey { references, .. } => Some(references),
            _ => None,
        }),
        Deed::CreateIndex(index) if !index.concurrently => Some(&index.table),
        _ => None,
    }
}

//! Reads PostgreSQL's statements about rights: grants, roles, routines, views. Judges nothing.

use squawk_syntax::SyntaxKind as K;
use squawk_syntax::SyntaxNode;

use super::expression;
use super::tree::{below, child, children, has, name, name_in, string, word, word_in, words};
use crate::deed::{Deed, Grant, Name, ObjectKind, Rights};
use crate::stand_in;

pub(super) fn grant(node: &SyntaxNode) -> Option<Deed> {
    let default = node.kind() == K::GRANT_DEFAULT_PRIVILEGES;
    let on = if default {
        node.children()
            .find(|child| words(child).len() > 3 && !is_grantee(child))
            .map(|target| words(&target))
    } else {
        child(node, K::ON_PRIVILEGE_OBJECTS_CLAUSE)
            .map(|on| words(&on).trim_start_matches("ON ").to_lowercase())
    };
    let what = if has(node, K::ALL_PRIVILEGES) {
        vec!["all".to_owned()]
    } else {
        let list = below(node, K::REVOKE_COMMAND_LIST).next()?;
        children(&list, K::REVOKE_COMMAND).map(|command| first_word(&command)).collect()
    };
    let to = below(node, K::ROLE_REF_LIST).last()?;
    let to = children(&to, K::ROLE_REF).map(|role| word(&role)).collect();
    let with = below(node, K::GRANT_WITH_CLAUSE).next().map(|with| words(&with)).unwrap_or_default();
    let grantable = with.contains("GRANT OPTION") || with.contains("ADMIN") && !with.contains("FALSE");
    Some(Deed::Grant(Grant { what, on, to, grantable, default }))
}

fn is_grantee(node: &SyntaxNode) -> bool {
    matches!(
        node.kind(),
        K::ROLE_REF_LIST | K::ALL_PRIVILEGES | K::REVOKE_COMMAND_LIST | K::GRANT_WITH_CLAUSE
    )
}

fn first_word(node: &SyntaxNode) -> String {
    let own = word(node);
    if own.is_empty() { words(node).to_lowercase() } else { own }
}

/// The powers that let a role go around the others' limits.
const POWERS: &[&str] = &["SUPERUSER", "BYPASSRLS", "CREATEROLE", "REPLICATION"];

pub(super) fn role(node: &SyntaxNode) -> Option<Deed> {
    let name =
        node.children().find(|child| matches!(child.kind(), K::ROLE | K::ROLE_REF | K::USER | K::GROUP));
    let name = name.map(|name| word(&name)).unwrap_or_default();
    let mut powers = Vec::new();
    for option in below(node, K::ROLE_OPTION_GENERIC) {
        let option = words(&option);
        powers.extend(POWERS.iter().copied().filter(|power| *power == option));
    }
    let password = below(node, K::ROLE_OPTION_PASSWORD)
        .chain(below(node, K::ROLE_OPTION_ENCRYPTED_PASSWORD))
        .any(|option| string(&option).is_some_and(|password| !stand_in::is_secret(&password)));
    Some(Deed::Role { name, powers, password })
}

/// `CREATE FUNCTION`, `CREATE PROCEDURE`.
pub(super) fn create_routine(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let routine = name_in(node, &[K::FUNCTION_NAME, K::PROCEDURE_NAME])?;
    let definer = below(node, K::SECURITY_DEFINER_FUNC_OPTION).next().is_some();
    let language = below(node, K::LANGUAGE_FUNC_OPTION).next().map(|option| {
        word_in(&option, K::LANGUAGE_REF).or_else(|| string(&option)).unwrap_or_default().to_lowercase()
    });
    let mut deeds = vec![Deed::CreateRoutine {
        name: routine.clone(),
        replaces: has(node, K::OR_REPLACE),
        rights: if definer { Rights::Definer } else { Rights::Invoker },
        search_path: sets_search_path(node),
    }];
    if let Some(language) = language.filter(|language| !TRUSTED.contains(&language.as_str())) {
        deeds.push(Deed::ForeignCode { name: routine, language });
    }
    Some(deeds)
}

/// Languages in which a function can do no more than its caller or owner in SQL.
const TRUSTED: &[&str] =
    &["sql", "plpgsql", "plperl", "pltcl", "plv8", "plrust", "pllua", "plcoffee", "plls", "pljava"];

/// `ALTER FUNCTION`, `ALTER PROCEDURE`, `ALTER ROUTINE`.
pub(super) fn alter_routine(node: &SyntaxNode) -> Option<Deed> {
    let sig = node
        .children()
        .find(|child| matches!(child.kind(), K::FUNCTION_SIG | K::PROCEDURE_SIG | K::ROUTINE_SIG))?;
    let routine = name(&sig.children().next()?);
    if let Some(to) =
        node.children().find(|child| child.kind() == K::SET_SCHEMA || words(child).starts_with("RENAME"))
    {
        let to = match word_in(&to, K::SCHEMA_REF) {
            Some(schema) => Name { schema: Some(schema), name: routine.name.clone() },
            None => Name { schema: routine.schema.clone(), name: name(&to.children().next()?).name },
        };
        return Some(Deed::Rename { kind: ObjectKind::Routine, from: routine, to, on: None });
    }
    if has(node, K::OWNER_TO) {
        return Some(Deed::Own { kind: ObjectKind::Routine, name: routine });
    }
    let rights = if below(node, K::SECURITY_DEFINER_FUNC_OPTION).next().is_some() {
        Some(Rights::Definer)
    } else {
        below(node, K::SECURITY_INVOKER_FUNC_OPTION).next().map(|_| Rights::Invoker)
    };
    let reset = below(node, K::RESET_FUNC_OPTION).next().map(|_| false);
    let search_path = if sets_search_path(node) { Some(true) } else { reset };
    Some(Deed::AlterRoutine { name: routine, rights, search_path })
}

fn sets_search_path(node: &SyntaxNode) -> bool {
    below(node, K::SET_CONFIG_PARAM).any(|param| {
        name_in(&param, &[K::CONFIG_PARAMETER_REF]).is_some_and(|setting| setting.name == "search_path")
    })
}

/// `CREATE VIEW`, `CREATE MATERIALIZED VIEW`.
pub(super) fn create_view(node: &SyntaxNode) -> Option<Deed> {
    Some(Deed::CreateView {
        name: name_in(node, &[K::VIEW])?,
        replaces: has(node, K::OR_REPLACE) || has(node, K::IF_NOT_EXISTS),
        materialized: node.kind() == K::CREATE_MATERIALIZED_VIEW,
        rights: invoker(node),
        reads: below(node, K::RELATION_FROM_ITEM)
            .map(|item| name(&item.children().next().unwrap_or(item)))
            .collect(),
    })
}

/// What a view's options say of `security_invoker`.
pub(super) fn invoker(node: &SyntaxNode) -> Option<Rights> {
    let option = below(node, K::ATTRIBUTE_OPTION)
        .find(|option| word_in(option, K::ATTRIBUTE_NAME).is_some_and(|name| name == "security_invoker"))?;
    let value =
        child(&option, K::ATTRIBUTE_VALUE).map(|value| words(&value).trim_matches('\'').to_uppercase());
    let off = value.is_some_and(|value| ["FALSE", "OFF", "0", "NO"].contains(&value.as_str()));
    Some(if off { Rights::Definer } else { Rights::Invoker })
}

pub(super) fn create_policy(node: &SyntaxNode) -> Option<Deed> {
    let conditions: Vec<SyntaxNode> = [K::USING_EXPR_CLAUSE, K::WITH_CHECK_EXPR_CLAUSE]
        .into_iter()
        .filter_map(|clause| child(node, clause)?.children().next())
        .collect();
    let roles = child(node, K::POLICY_ROLES);
    let everybody = roles.is_none_or(|roles| below(&roles, K::ROLE_REF).any(|role| word(&role) == "public"));
    let restrictive = words(node).contains("AS RESTRICTIVE");
    let open = everybody && !restrictive && conditions.iter().any(expression::is_true);
    let table = name(&child(node, K::ON_TABLE)?.children().next()?);
    Some(Deed::CreatePolicy { name: word_in(node, K::POLICY)?, table, open })
}

//! Reads blocks of PL/pgSQL that are run at once. Knows which of their statements are SQL; what those do is told elsewhere.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind as K, SyntaxNode};

use super::tree::below;
use crate::deed::Deed;

/// What a `DO` does: the statements of its block, and whether there is something that nobody sees from here.
pub(super) fn deeds(node: &SyntaxNode) -> Option<Vec<Deed>> {
    let opaque = |what| Deed::Opaque { what };
    let block = ast::Do::cast(node.clone()).and_then(|block| block.plpgsql());
    let Some(block) = block.filter(|block| block.errors().is_empty()) else {
        return Some(vec![opaque("DO")]);
    };
    let tree = block.syntax();
    let mut deeds = Vec::new();
    for statement in below(&tree, K::PLPGSQL_EXEC_SQL_STMT) {
        let certain = is_certain(&statement);
        for sql in statement.children() {
            let own = super::deeds(&sql)?;
            // What is made under a condition may have been there already, and then is not this run's.
            let made = |deed: &Deed| {
                matches!(
                    deed,
                    Deed::CreateTable(_)
                        | Deed::Create { .. }
                        | Deed::CreateView { .. }
                        | Deed::CreateRoutine { replaces: false, .. }
                )
            };
            deeds.extend(own.into_iter().filter(|deed| certain || !made(deed)));
        }
    }
    for select in tree.descendants().filter(|it| matches!(it.kind(), K::SELECT | K::PLPGSQL_EXPR)) {
        deeds.extend(below(&select, K::CALL_EXPR).filter_map(|call| super::call(&call)));
    }
    if tree.descendants().any(|it| matches!(it.kind(), K::PLPGSQL_DYN_EXECUTE_STMT | K::CALL | K::DO)) {
        deeds.push(opaque("EXECUTE in a block"));
    }
    if deeds.is_empty() {
        deeds.push(Deed::Harmless);
    }
    Some(deeds)
}

/// Whether a statement is run whenever the block is.
fn is_certain(statement: &SyntaxNode) -> bool {
    let outer = statement.ancestors().skip(1).map(|outer| outer.kind());
    outer.into_iter().all(|kind| matches!(kind, K::PLPGSQL | K::PLPGSQL_BLOCK | K::PLPGSQL_BODY))
}

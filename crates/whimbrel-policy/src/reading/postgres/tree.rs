//! Looking into a syntax tree of PostgreSQL: children, words, names. Knows no statement.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::deed::Name;

/// The first child of a kind.
pub(super) fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() == kind)
}

/// The children of a kind.
pub(super) fn children(node: &SyntaxNode, kind: SyntaxKind) -> impl Iterator<Item = SyntaxNode> {
    node.children().filter(move |child| child.kind() == kind)
}

/// Whether a node has a child or a word of a kind.
pub(super) fn has(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|element| element.kind() == kind)
}

/// All nodes of a kind below a node.
pub(super) fn below(node: &SyntaxNode, kind: SyntaxKind) -> impl Iterator<Item = SyntaxNode> {
    node.descendants().filter(move |below| below.kind() == kind)
}

/// The name that a node is or has, with its schema.
pub(super) fn name(node: &SyntaxNode) -> Name {
    let mut parts: Vec<String> = node
        .descendants()
        .filter(|below| matches!(below.kind(), SyntaxKind::PATH_SEGMENT | SyntaxKind::PATH_SEGMENT_REF))
        .map(|segment| ast::normalize_name_node(&segment))
        .collect();
    match parts.pop() {
        Some(last) => Name { schema: parts.pop(), name: last },
        None => Name::bare(word(node)),
    }
}

/// The one name that a node is, or that the first of its children is.
pub(super) fn word(node: &SyntaxNode) -> String {
    let own = ast::normalize_name_node(node);
    if own.is_empty() { node.children().next().map(|child| word(&child)).unwrap_or_default() } else { own }
}

/// The name in the first child of one of these kinds.
pub(super) fn name_in(node: &SyntaxNode, kinds: &[SyntaxKind]) -> Option<Name> {
    node.children().find(|child| kinds.contains(&child.kind())).map(|child| name(&child))
}

/// The names in all children of these kinds, or in those of a list.
pub(super) fn names_in(node: &SyntaxNode, kinds: &[SyntaxKind]) -> Vec<Name> {
    node.children().filter(|child| kinds.contains(&child.kind())).map(|child| name(&child)).collect()
}

/// The word in the first child of a kind.
pub(super) fn word_in(node: &SyntaxNode, kind: SyntaxKind) -> Option<String> {
    child(node, kind).map(|child| word(&child))
}

/// The words of a node, in upper case, with single blanks.
pub(super) fn words(node: &SyntaxNode) -> String {
    let tokens = node.descendants_with_tokens().filter_map(SyntaxElement::into_token);
    let words: Vec<String> =
        tokens.filter(|token| !token.kind().is_trivia()).map(|token| token.text().to_uppercase()).collect();
    words.join(" ")
}

/// The text of the first literal that is a string, in a node or below it.
pub(super) fn string(node: &SyntaxNode) -> Option<String> {
    node.descendants().filter_map(ast::Literal::cast).find_map(|literal| {
        let number = literal.syntax().text().to_string().starts_with(|first: char| first.is_ascii_digit());
        literal.string_value().filter(|_| !number)
    })
}

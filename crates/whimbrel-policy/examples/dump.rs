//! dump
#![allow(missing_docs, clippy::unwrap_used)]
use squawk_syntax::{SourceFile, SyntaxElement, SyntaxNode};
fn show(node: &SyntaxNode, depth: usize) {
    let toks: Vec<String> = node
        .children_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|t| !t.kind().is_trivia())
        .map(|t| format!("{:?}", t.kind()))
        .collect();
    println!("{}{:?}  [{}]", "  ".repeat(depth), node.kind(), toks.join(" "));
    for c in node.children() {
        show(&c, depth + 1);
    }
}
fn main() {
    for sql in std::env::args().skip(1) {
        println!("-- {sql}");
        let parse = SourceFile::parse(&sql);
        for e in parse.errors() {
            println!("   ERROR {e:?}");
        }
        show(&parse.syntax_node(), 0);
    }
}

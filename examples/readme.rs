//! Compiles the blocks of Rust in the README and the docs, as tests of the documentation. Holds nothing.

#![allow(
    rustdoc::invalid_codeblock_attributes,
    reason = "blocks say what is to be done with them: `sql,file=PATH`"
)]
#![cfg_attr(all(doctest, feature = "mysql", feature = "policy", feature = "postgres", feature = "sign"), doc = include_str!("../README.md"))]

/// The pages of the docs.
macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {
        $(
            #[cfg(all(doctest, feature = "mysql", feature = "policy", feature = "postgres", feature = "sign"))]
            #[doc = include_str!(concat!("../docs/", $page))]
            mod $name {}
        )*
    };
}

pages! {
    by_hand: "by-hand.md",
    driver: "guide/driver.md",
    embedding: "guide/embedding.md",
    history: "history.md",
    policy: "policy.md",
    signatures: "signatures.md",
    start_mysql: "guide/start-mysql.md",
    start_postgres: "guide/start-postgres.md",
    start_sqlite: "guide/start-sqlite.md",
    testing: "guide/testing.md",
}

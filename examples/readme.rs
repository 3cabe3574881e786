//! Compiles the blocks of Rust in the README and the guide, as tests of the documentation. Holds nothing.

#![cfg_attr(all(doctest, feature = "postgres", feature = "mysql", feature = "sign", feature = "policy"), doc = include_str!("../README.md"))]

/// Those of the guide.
#[cfg(all(doctest, feature = "postgres", feature = "mysql"))]
#[doc = include_str!("../docs/guide/embedding.md")]
mod embedding {}

/// Those of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide/testing.md")]
mod testing {}

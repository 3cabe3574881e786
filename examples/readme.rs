//! Compiles the blocks of Rust in the README, as tests of the documentation. Holds nothing.

#![cfg_attr(all(doctest, feature = "postgres", feature = "mysql", feature = "sign", feature = "policy"), doc = include_str!("../README.md"))]

//! Part of Whimbrel.

pub mod script;

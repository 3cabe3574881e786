//! The command `whimbrel`.

#[cfg_attr(not(test), expect(dead_code, reason = "the verbs are not written yet"))]
mod config;
#[cfg_attr(not(test), expect(dead_code, reason = "the verbs are not written yet"))]
mod settings;

fn main() {}

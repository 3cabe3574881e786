//! Each threat of `docs/threat-model.md`, attacked: one test a row, named after it. The page names them, and
//! `threat_model.rs` sees that it does.

mod approvals;
mod conduct;
mod files;
mod history;
mod nonsense;
mod parsers;
mod secrets;
mod servers;

//! Claims about URLs.

//! Part of Whimbrel.

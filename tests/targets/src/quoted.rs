//! A word that stands for a secret in inputs, and must not be in what is shown of them.

/// The word; no text of the program has it.
pub(crate) const SECRET: &str = "Xq7Zk9Wv";

/// Makes sure that an input's secret is not in what is shown of it.
///
/// # Panics
/// It is.
pub(crate) fn hides_the_secret(input: &str, shown: &str) {
    assert!(!shown.contains(SECRET), "the input is shown: {shown}\nof {input:?}");
}

/// Makes sure that a text of one line holds nothing that acts on a terminal, nor a line break.
///
/// # Panics
/// It does.
pub(crate) fn is_one_line(shown: &str) {
    assert!(!shown.contains(char::is_control), "a control character is shown: {shown:?}");
}

//! Servers that speak another database's protocol without keeping its promises: recognised by what they say of themselves.

use super::error::{DriverError, ErrorClass};

/// A server that speaks the protocol of a driver's database and lacks something that the library rests on.
///
/// A driver lists those that it knows of and passes what the server says of itself to [`refuse_imitators`], with the first
/// question of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Imitator {
    /// What people call it.
    pub name: &'static str,
    /// Words, in lower case, of which one occurs in what the server says of itself.
    pub signs: &'static [&'static str],
    /// What is missing, as the end of a sentence that begins with its name.
    pub missing: &'static str,
}

/// Refuses a server that is one of these, by what it says of itself: its version and whatever else tells it apart.
///
/// ```
/// use whimbrel::{ErrorClass, Imitator, refuse_imitators};
///
/// const IMITATORS: &[Imitator] =
///     &[Imitator { name: "Quasar", signs: &["quasar"], missing: "has no advisory locks" }];
/// assert!(refuse_imitators("PostgreSQL 17.2", IMITATORS).is_ok());
/// let error = refuse_imitators("PostgreSQL 17.2 (Quasar 3)", IMITATORS).unwrap_err();
/// assert_eq!(error.class(), ErrorClass::Unsupported);
/// assert_eq!(error.message(), "the server is Quasar, which has no advisory locks");
/// ```
///
/// # Errors
/// [`ErrorClass::Unsupported`], with its name and what is missing.
pub fn refuse_imitators(said: &str, imitators: &[Imitator]) -> Result<(), DriverError> {
    let said = said.to_lowercase();
    match imitators.iter().find(|it| it.signs.iter().any(|sign| said.contains(sign))) {
        None => Ok(()),
        Some(Imitator { name, missing, .. }) => {
            Err(DriverError::new(ErrorClass::Unsupported, format!("the server is {name}, which {missing}")))
        }
    }
}

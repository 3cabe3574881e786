//! What the settings say of signatures: whose count, and how many. Reads the file of the signers only when it is asked for.

use std::collections::BTreeMap;
#[cfg(feature = "sign")]
use std::path::Path;
use std::path::PathBuf;

#[cfg(feature = "sign")]
use whimbrel::{TrustedFile, Writers};

use super::Setting;
#[cfg(feature = "sign")]
use crate::answer::Failure;
#[cfg(feature = "sign")]
use crate::exit::Code;

/// Whose signatures count, and how many there have to be.
#[derive(Clone, Debug)]
pub(crate) struct SignatureSettings {
    /// The file of OpenSSH's form.
    pub(crate) allowed_signers: Option<Setting<PathBuf>>,
    /// Public keys by signer.
    pub(crate) minisign: BTreeMap<String, Setting<String>>,
    /// How many have to have signed a set.
    pub(crate) threshold: Setting<usize>,
    /// How many have to have signed an approval; none if approvals are not signed.
    pub(crate) approvals: Option<Setting<usize>>,
}

/// What the files of signers are held against.
#[cfg(feature = "sign")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protected<'s> {
    /// The directory of the migrations.
    pub(crate) directory: &'s Path,
    /// The configuration file, which has the keys of minisign.
    pub(crate) config: Option<&'s Path>,
    /// Modes and owners count nowhere if not for the migrations.
    pub(crate) writers: Writers,
}

#[cfg(feature = "sign")]
impl SignatureSettings {
    /// What sets' signatures are checked with.
    ///
    /// # Errors
    /// The file of the signers cannot be read or relied on, or is not in its form; more signers are needed than there are.
    pub(crate) fn verifier(
        &self,
        protected: Protected<'_>,
    ) -> Result<whimbrel_sign::SignatureVerifier, Failure> {
        self.signers(protected).map(|signers| signers.with_threshold(self.threshold.value))
    }

    /// What the signatures of approvals are checked with; none if approvals are not signed.
    ///
    /// # Errors
    /// As [`verifier`](Self::verifier).
    pub(crate) fn approvers(
        &self,
        protected: Protected<'_>,
    ) -> Result<Option<whimbrel_sign::SignatureVerifier>, Failure> {
        let Some(threshold) = &self.approvals else { return Ok(None) };
        self.signers(protected).map(|signers| Some(signers.with_threshold(threshold.value)))
    }

    fn signers(&self, protected: Protected<'_>) -> Result<whimbrel_sign::SignatureVerifier, Failure> {
        let usage = |error: whimbrel::Error| Failure { code: Code::Usage, ..Failure::from(error) };
        if let Some(config) = protected.config.filter(|config| config.exists()) {
            TrustedFile::new(config).apart_from(protected.directory).check_place().map_err(usage)?;
        }
        let mut signers = whimbrel_sign::SignatureVerifier::new();
        if let Some(file) = &self.allowed_signers {
            let writers = match protected.writers {
                Writers::Anyone => Writers::Anyone,
                _ => Writers::Owner,
            };
            let file = TrustedFile::new(&file.value).with_writers(writers).apart_from(protected.directory);
            signers = signers.with_allowed_signers_file(&file).map_err(|error| {
                let said = error.notes().any(|(name, _)| name == "next");
                let failure = usage(error.with_note("where", self.origin()));
                if said { failure } else { failure.with_next("write it as `ssh-keygen -Y verify` reads it") }
            })?;
        }
        for (signer, key) in &self.minisign {
            signers = signers.with_minisign_key(signer, &key.value).map_err(|error| {
                usage(error.with_note("where", key.origin.to_string()))
                    .with_next("copy the key from the .pub file: its second line, which begins with RW")
            })?;
        }
        Ok(signers)
    }

    fn origin(&self) -> String {
        self.allowed_signers.as_ref().map_or_else(String::new, |file| file.origin.to_string())
    }
}

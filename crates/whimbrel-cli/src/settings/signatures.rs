//! What the settings say of signatures: whose count, and how many. Reads the file of the signers only when it is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Setting;
#[cfg(feature = "sign")]
use crate::config::Problem;

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

#[cfg(feature = "sign")]
impl SignatureSettings {
    /// What sets' signatures are checked with.
    ///
    /// # Errors
    /// The file of the signers cannot be read, or is not in its form.
    pub(crate) fn verifier(&self) -> Result<whimbrel_sign::SignatureVerifier, Problem> {
        self.signers().map(|signers| signers.with_threshold(self.threshold.value))
    }

    /// What the signatures of approvals are checked with; none if approvals are not signed.
    ///
    /// # Errors
    /// As [`verifier`](Self::verifier).
    pub(crate) fn approvers(&self) -> Result<Option<whimbrel_sign::SignatureVerifier>, Problem> {
        let Some(threshold) = &self.approvals else { return Ok(None) };
        self.signers().map(|signers| Some(signers.with_threshold(threshold.value)))
    }

    fn signers(&self) -> Result<whimbrel_sign::SignatureVerifier, Problem> {
        let mut signers = whimbrel_sign::SignatureVerifier::new();
        if let Some(file) = &self.allowed_signers {
            let path = file.value.display();
            let text = std::fs::read_to_string(&file.value).map_err(|error| {
                Problem::new(format!("the file of the allowed signers, {path}, cannot be read: {error}"))
                    .with_next("make it, or give its right path as `allowed-signers`")
            })?;
            signers = signers.with_allowed_signers(&text).map_err(|error| {
                Problem::new(format!("{path}: {error}"))
                    .with_next("write it as `ssh-keygen -Y verify` reads it")
            })?;
        }
        for (signer, key) in &self.minisign {
            signers = signers
                .with_minisign_key(signer, &key.value)
                .map_err(|error| Problem::new(error.to_string()))?;
        }
        Ok(signers)
    }
}

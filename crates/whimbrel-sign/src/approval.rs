//! Signed approvals of plans: what is signed, and whether enough signers have. Reads no file.

use std::fmt;

use async_trait::async_trait;
use whimbrel::{Approval, Approver, Digest, Error, ErrorKind, Plan, Result};

use crate::armor;
use crate::verdict::judge;
use crate::verifier::SignatureVerifier;

/// Approves a plan if signers whom the program trusts have signed exactly its digest.
///
/// What is signed is the [text of the plan](Self::text), with the keys and in the formats of a set's signature; how many have
/// to have signed, [the verifier](SignatureVerifier::with_threshold) says. Several signatures may be given, for several
/// plans: those over another plan do not count for this one.
///
/// ```
/// use whimbrel::{Memory, Migrator};
/// use whimbrel_sign::{SignatureVerifier, SignedApprovals};
///
/// # fn approvals() -> whimbrel::Result<()> {
/// let signers = SignatureVerifier::new().with_allowed_signers(
///     "alice@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi",
/// )?;
/// // Made with `printf 'whimbrel-approval 1\nplan %s\n' DIGEST | ssh-keygen -Y sign -n whimbrel -f KEY`.
/// let signature = std::fs::read("plan.sig").unwrap_or_default();
/// let migrator =
///     Migrator::new(Memory::new()).with_approver(SignedApprovals::new(signers).with_signatures(signature));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SignedApprovals {
    signers: SignatureVerifier,
    signatures: Vec<Vec<u8>>,
}

impl fmt::Debug for SignedApprovals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedApprovals")
            .field("signers", &self.signers)
            .field("signatures", &self.signatures.len())
            .finish()
    }
}

impl SignedApprovals {
    /// Nobody has signed yet; with these keys, and so many of the signers, it counts.
    pub fn new(signers: SignatureVerifier) -> Self {
        Self { signers, signatures: Vec::new() }
    }

    /// Adds the signatures of a file: one or more, SSH's and minisign's, one after the other.
    #[must_use]
    pub fn with_signatures(mut self, file: impl Into<Vec<u8>>) -> Self {
        self.signatures.push(file.into());
        self
    }

    /// The text that is signed to approve a plan. No manifest begins like it, so neither signature passes for the other.
    ///
    /// ```
    /// let plan = "b3v1:0000000000000000000000000000000000000000000000000000000000000000".parse().unwrap();
    /// let text = whimbrel_sign::SignedApprovals::text(&plan);
    /// assert_eq!(text, format!("whimbrel-approval 1\nplan {plan}\n"));
    /// ```
    pub fn text(plan: &Digest) -> String {
        format!("whimbrel-approval 1\nplan {plan}\n")
    }
}

#[async_trait]
impl Approver for SignedApprovals {
    async fn approval(&self, plan: &Plan) -> Result<Option<Approval>> {
        self.signers.check_threshold()?;
        let now = self.signers.seconds()?;
        let text = Self::text(plan.digest());
        let mut blocks = Vec::new();
        for file in &self.signatures {
            blocks.extend(armor::parse(file).map_err(|malformed| {
                let what = format!("line {} of an approval's signature: {}", malformed.line, malformed.what);
                Error::new(ErrorKind::Configuration, what)
            })?);
        }
        let verdict = judge(&blocks, self.signers.keys(), text.as_bytes(), now);
        if verdict.signers.len() < self.signers.threshold() {
            return Ok(None);
        }
        let names: Vec<&str> = verdict.signers.iter().map(|signer| self.signers.name(*signer)).collect();
        Ok(Some(Approval::by(names.join(","))))
    }
}

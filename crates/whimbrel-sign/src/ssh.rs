//! SSH's signatures. Takes an armored block apart and is strict about it; `ssh-key` does the cryptography.

use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, SshSig};

use crate::NAMESPACE;

/// The first line of a signature.
pub(crate) const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";

/// The last line of a signature.
pub(crate) const END: &str = "-----END SSH SIGNATURE-----";

/// As wide as `ssh-keygen` writes lines, and the only width that the library reads.
const WIDTH: usize = 70;

pub(crate) struct SshSignature(SshSig);

impl SshSignature {
    /// Reads what stands between the first and the last line, however it is broken into lines; `None` for one by a key
    /// of a type that is not checked here.
    pub(crate) fn parse(lines: &[&str]) -> Result<Option<Self>, &'static str> {
        const DAMAGED: &str = "the signature is damaged: sign again";
        let body = lines.concat();
        if !body.is_ascii() {
            return Err(DAMAGED);
        }
        let mut armored = String::with_capacity(body.len() + body.len() / WIDTH + 64);
        armored.push_str(BEGIN);
        for line in body.as_bytes().chunks(WIDTH) {
            armored.push('\n');
            armored.extend(line.iter().map(|byte| char::from(*byte)));
        }
        armored.push('\n');
        armored.push_str(END);
        armored.push('\n');
        let signature = match SshSig::from_pem(&armored) {
            Ok(signature) => signature,
            Err(ssh_key::Error::AlgorithmUnknown | ssh_key::Error::AlgorithmUnsupported { .. }) => {
                return Ok(None);
            }
            Err(ssh_key::Error::Version { .. }) => return Err("the signature has an unknown version"),
            Err(ssh_key::Error::Namespace) => return Err("the signature has no namespace"),
            Err(_) => return Err(DAMAGED),
        };
        let of_key = signature.public_key().algorithm();
        if !matches!(of_key, Algorithm::Ed25519 | Algorithm::SkEd25519) {
            return Ok(None);
        }
        // The version is not under the signature, and the library takes 0 for 1.
        if signature.version() != SshSig::VERSION || !signature.reserved().is_empty() {
            return Err("the signature has an unknown version");
        }
        // One signature is written in one way: whatever else decodes to the same is somebody's doing.
        let again = signature.to_pem(LineEnding::LF).map_err(|_| DAMAGED)?;
        let again: String = again.lines().filter(|line| !line.starts_with('-')).collect();
        if again != body {
            return Err(DAMAGED);
        }
        if signature.algorithm() != of_key {
            return Err(DAMAGED);
        }
        Ok(Some(Self(signature)))
    }

    /// Whether it says that this key made it; not yet that it did.
    pub(crate) fn names(&self, key: &PublicKey) -> bool {
        self.0.public_key() == key.key_data()
    }

    /// The key that it names, as `ssh-keygen -l` shows it.
    pub(crate) fn fingerprint(&self) -> String {
        self.0.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// Why it is not a signature of this key over this text, for manifests.
    pub(crate) fn check(&self, key: &PublicKey, text: &[u8]) -> Result<(), String> {
        if self.0.namespace() != NAMESPACE {
            let namespace: String = self.0.namespace().chars().take(40).collect();
            return Err(format!(
                "was made for the namespace `{}`, not for `{NAMESPACE}`: sign again, with `-n {NAMESPACE}`",
                namespace.escape_debug()
            ));
        }
        // Somebody has touched the security key; the flag is under the signature.
        if key.algorithm() == Algorithm::SkEd25519 {
            const PRESENT: u8 = 1;
            let bytes = self.0.signature_bytes();
            let flags = bytes.len().checked_sub(5).and_then(|at| bytes.get(at)).copied().unwrap_or(0);
            if flags & PRESENT == 0 {
                return Err(
                    "was made by a security key that nobody touched: sign again, and touch it".to_owned()
                );
            }
        }
        key.verify(NAMESPACE, text, &self.0).map_err(|_| {
            "is over other bytes than the manifest's: have it reviewed, and signed again".to_owned()
        })
    }
}

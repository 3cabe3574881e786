//! The verifier: keys and a threshold, and what they say of a set. Reads no file but that of the signers.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use whimbrel::layout::{MANIFEST_FILE, SIGNATURE_FILE};
use whimbrel::{
    Error, ErrorKind, Finding, FindingKind, MigrationSet, Plan, Provenance, Result, TrustedFile, Verifier,
};

use crate::minisign::MinisignKey;
use crate::signer::{Key, Terms, TrustedKey, group};
use crate::verdict::{Remark, judge};
use crate::{allowed_signers, armor, replay};

/// Lets a set run only if signers whom the program trusts have signed its manifest.
///
/// It knows whose keys count, and how many of the signers are needed. See the [crate's page](crate) for what counts.
///
/// ```
/// use whimbrel_sign::SignatureVerifier;
///
/// // Alice has a new key: while both are named, a set signed with either one runs.
/// let signed = SignatureVerifier::new().with_allowed_signers(
///     r#"
///     alice@example.com valid-before="20270101Z" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi
///     alice@example.com namespaces="whimbrel" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOmHVFSMo4JhzYz4nTS7D7FRCdc783B/A3MmDkaRIrZI
///     "#,
/// )?;
/// # Ok::<(), whimbrel::Error>(())
/// ```
#[derive(Clone)]
pub struct SignatureVerifier {
    keys: Vec<TrustedKey>,
    threshold: usize,
    verify_time: Option<SystemTime>,
}

impl fmt::Debug for SignatureVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.iter().map(|key| key.names.join(","));
        f.debug_struct("SignatureVerifier")
            .field("keys_of", &keys.collect::<Vec<_>>())
            .field("threshold", &self.threshold)
            .field("verify_time", &self.verify_time)
            .finish()
    }
}

impl Default for SignatureVerifier {
    fn default() -> Self {
        Self::new()
    }
}

impl SignatureVerifier {
    /// No keys yet, with which no set is run. One signer is enough.
    pub fn new() -> Self {
        Self { keys: Vec::new(), threshold: 1, verify_time: None }
    }

    /// Adds the keys of a text as `ssh-keygen -Y verify -f` reads it: a line each, with the names of the signer
    /// (principals), perhaps options, and a key of type `ssh-ed25519` or `sk-ssh-ed25519@openssh.com`.
    ///
    /// Of the options, `namespaces="…"` has to have `whimbrel` among its patterns, and `valid-after="…"` and
    /// `valid-before="…"` say when the key counts: at the time when a signature is *checked*, since none says when it was
    /// made. Times are UTC and end with `Z`.
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration), with the line's number: it does not parse; it has
    /// `cert-authority`, or a pattern in place of a name, with which signers cannot be counted; its key is of another type.
    pub fn with_allowed_signers(mut self, text: &str) -> Result<Self> {
        let keys = allowed_signers::parse(text).map_err(|(line, what)| {
            Error::new(ErrorKind::Configuration, format!("line {line} of the allowed signers: {what}"))
        })?;
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the allowed signers have no line with a key"));
        }
        self.keys.extend(keys);
        Ok(self)
    }

    /// Adds the keys of a file in the form that [`with_allowed_signers`](Self::with_allowed_signers) takes, if no one else can
    /// write to it. It must not lie in the directory whose set it protects.
    ///
    /// ```no_run
    /// use whimbrel::TrustedFile;
    /// use whimbrel_sign::SignatureVerifier;
    ///
    /// let signers = TrustedFile::new("/etc/shop/allowed_signers").apart_from("migrations");
    /// let signed = SignatureVerifier::new().with_allowed_signers_file(&signers)?;
    /// # Ok::<(), whimbrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`TrustedFile::read`] and [`with_allowed_signers`](Self::with_allowed_signers).
    pub fn with_allowed_signers_file(self, file: &TrustedFile) -> Result<Self> {
        let text = file.read()?;
        self.with_allowed_signers(&text)
            .map_err(|error| error.with_note("file", file.path().display().to_string()))
    }

    /// Adds a minisign key of this signer: its line, which begins with `RW`, or the text of its .pub file.
    ///
    /// A signer may have several, and SSH's beside them under the same name.
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration): the name is empty, or the text is no minisign key.
    pub fn with_minisign_key(mut self, signer: &str, key: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(
                ErrorKind::Configuration,
                format!("the minisign key of `{}`: {what}", signer.escape_debug()),
            )
        };
        let name = signer.trim();
        if name.is_empty() {
            return Err(wrong("name the signer"));
        }
        let key = MinisignKey::parse(key).map_err(wrong)?;
        let (names, terms) = (vec![name.to_owned()], Terms::default());
        self.keys.push(TrustedKey { names, key: Key::Minisign(key), terms });
        Ok(self)
    }

    /// How many different signers have to have signed; 1 unless said otherwise. Two keys of one signer count once.
    ///
    /// A threshold of 0, or above the number of signers, refuses every set, with an error of kind
    /// [`Configuration`](ErrorKind::Configuration).
    #[must_use]
    pub fn with_threshold(mut self, signers: usize) -> Self {
        self.threshold = signers;
        self
    }

    /// Checks `valid-after` and `valid-before` against this time instead of the clock's: that of a release, for
    /// example, so that a program does not refuse its own migrations once a key's time is over.
    #[must_use]
    pub fn with_verify_time(mut self, time: SystemTime) -> Self {
        self.verify_time = Some(time);
        self
    }

    pub(crate) fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    pub(crate) fn threshold(&self) -> usize {
        self.threshold
    }

    /// A name of a signer, by the number that a verdict gives.
    pub(crate) fn name(&self, signer: usize) -> &str {
        let key = group(&self.keys).iter().position(|of| *of == signer).and_then(|at| self.keys.get(at));
        key.and_then(|key| key.names.first()).map_or("", String::as_str)
    }

    /// Whether the threshold can be met at all.
    pub(crate) fn check_threshold(&self) -> Result<()> {
        let signers = group(&self.keys).into_iter().collect::<BTreeSet<_>>().len();
        let wrong = |what: String| {
            let next = "name as many signers as have to sign, or lower the threshold";
            Err(Error::new(ErrorKind::Configuration, what).with_note("next", next))
        };
        match self.threshold {
            _ if signers == 0 => wrong("no signer is named, so no set can be signed by one".to_owned()),
            0 => wrong("a threshold of 0 would accept unsigned sets: name at least one signer".to_owned()),
            threshold if threshold > signers => wrong(format!(
                "{threshold} signers are needed, and only {signers} named (keys with a name in common are one signer's)"
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn seconds(&self) -> Result<i64> {
        let time = self.verify_time.unwrap_or_else(SystemTime::now);
        let since =
            time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
        since.ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "the clock is not set, so that keys' times cannot be checked",
            )
        })
    }

    fn check_signature(&self, set: &MigrationSet, now: i64) -> Vec<Finding> {
        let find =
            |subject: &str, what: String| Finding::new(FindingKind::Signature, set.name(), subject, what);
        let text = match set.provenance() {
            Provenance::Unlocked | Provenance::Missing => None,
            _ => set.manifest_text(),
        };
        let Some(text) = text else {
            let what = "is not there, and only a manifest can be signed: lock the directory, have it reviewed, and sign it";
            return vec![find(MANIFEST_FILE, what.to_owned())];
        };
        let Some(signature) = set.signature() else {
            return vec![find(SIGNATURE_FILE, format!("is not there: have the set reviewed, then {SIGN}"))];
        };
        let place = place(set);
        let at = |line: usize, what: String| find(SIGNATURE_FILE, what).at(format!("{place}:{line}"));
        let blocks = match armor::parse(signature) {
            Ok(blocks) => blocks,
            Err(malformed) => return vec![at(malformed.line, malformed.what)],
        };
        let verdict = judge(&blocks, &self.keys, text.as_bytes(), now);
        let hint = if text.contains('\r') {
            "; the manifest has CR at the end of lines: keep it as it was signed, with `whimbrel.sum -text` in .gitattributes"
        } else {
            ""
        };
        let mut findings: Vec<Finding> = verdict
            .wrong
            .iter()
            .map(|Remark { line, what }| at(*line, format!("the signature {what}{hint}")))
            .collect();
        if verdict.signers.len() < self.threshold {
            let (signed, needed) = (verdict.signers.len(), self.threshold);
            let mut what = format!("has the signatures of {signed} of the {needed} signers that are needed");
            let good: Vec<&str> =
                verdict.signers.iter().map(|signer| self.keys[*signer].names[0].as_str()).collect();
            if !good.is_empty() {
                what.push_str(&format!("; good: {}", good.join(", ")));
            }
            for Remark { line, what: remark } in &verdict.passed_over {
                what.push_str(&format!("; the one in line {line} {remark}"));
            }
            what.push_str(&format!("; {SIGN}"));
            findings.push(find(SIGNATURE_FILE, what).at(place.clone()));
        }
        findings
    }
}

/// What to do about a signature that is not there. Both append, and so add a signer to those that have signed.
const SIGN: &str = "sign it: `ssh-keygen -Y sign -n whimbrel -f KEY < whimbrel.sum >> whimbrel.sum.sig`, or `minisign -S -m \
                    whimbrel.sum -x NEW` and append NEW";

/// Where the signature lies, as far as the set knows.
fn place(set: &MigrationSet) -> String {
    let file = set.iter().next().map(|migration| migration.up());
    let folder = file.and_then(|file| file.location().strip_suffix(file.path()).map(str::to_owned));
    format!("{}{SIGNATURE_FILE}", folder.unwrap_or_default())
}

/// What of a set does not follow from its manifest. Every other set has gone through this already, with its files hashed;
/// in an embedded one, constants of the program claim it, and only its manifest is signed.
fn check_constants(set: &MigrationSet) -> Vec<Finding> {
    let find = |subject: &str, what: &str| Finding::new(FindingKind::Tampered, set.name(), subject, what);
    if is_written_out(set) {
        return Vec::new();
    }
    let Some(manifest) = set.manifest() else {
        return vec![find(MANIFEST_FILE, "does not parse: the program's file is damaged or was changed")];
    };
    let mut lines: HashMap<&str, _> =
        manifest.files().iter().map(|file| (file.path.as_str(), (&file.digest, file.revision))).collect();
    let mut findings = Vec::new();
    for migration in set.iter() {
        for file in std::iter::once(migration.up()).chain(migration.down()) {
            if lines.remove(file.path()) != Some((file.digest(), migration.revision())) {
                let what =
                    "is not the file of the signed manifest: the program's file is damaged or was changed";
                findings.push(find(file.path(), what).at(file.location()));
            }
        }
    }
    let same = manifest.set() == set.name()
        && manifest.head() == set.head()
        && manifest.repeatables() == set.repeatables_digest()
        && lines.is_empty();
    if !same {
        findings.push(find(
            MANIFEST_FILE,
            "is not the manifest of this set: the program's file is damaged or was changed",
        ));
    }
    findings
}

/// Whether the manifest's text is the one that locking this set writes, formers and tombstones aside. That is so for all
/// but edited ones, and found without parsing them, which would cost a boot more than the signature.
fn is_written_out(set: &MigrationSet) -> bool {
    let Some(text) = set.manifest_text() else { return false };
    let mut lines = text.lines();
    let mut next = |expected: fmt::Arguments<'_>, buffer: &mut String| {
        buffer.clear();
        buffer.write_fmt(expected).is_ok() && lines.next() == Some(buffer.as_str())
    };
    let mut buffer = String::new();
    let mut same = next(format_args!("whimbrel-sum 1"), &mut buffer);
    same &= next(format_args!("set {}", set.name()), &mut buffer);
    for migration in set.iter() {
        for file in std::iter::once(migration.up()).chain(migration.down()) {
            let (digest, path) = (file.digest(), file.path());
            same &= match migration.revision() {
                None => next(format_args!("file {digest} {path}"), &mut buffer),
                Some(revision) => next(format_args!("file {digest} {path} revision={revision}"), &mut buffer),
            };
        }
    }
    let mut rest = lines.skip_while(|line| line.starts_with("former ") || line.starts_with("tombstone "));
    same && rest.next() == Some(&format!("repeatables {}", set.repeatables_digest()))
        && rest.next() == Some(&format!("head {}", set.head()))
        && rest.next().is_none()
}

#[async_trait]
impl Verifier for SignatureVerifier {
    async fn check_set(&self, set: &MigrationSet) -> Result<Vec<Finding>> {
        self.check_threshold()?;
        let findings = self.check_signature(set, self.seconds()?);
        if findings.is_empty() && set.provenance() == Provenance::Compiled {
            return Ok(check_constants(set));
        }
        Ok(findings)
    }

    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        Ok(replay::check(plan))
    }
}

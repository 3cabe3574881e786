//! Signatures of manifests, and who may sign: nothing but the genuine signature is taken for one.

use std::time::{Duration, UNIX_EPOCH};

use whimbrel::{MigrationSet, Verifier as _};
use whimbrel_sign::SignatureVerifier;

use crate::large::{numbered, repeated};
use crate::quoted::is_one_line;
use crate::ready::ready;
use crate::{Target, corpus};

pub(crate) const TARGET: Target = Target {
    name: "signatures",
    check,
    seeds: || {
        let mut seeds =
            corpus::files(&["crates/whimbrel-sign/tests/fixtures"], &[".sig", "allowed_signers", ".pub"]);
        seeds.push(
            b"alice,bob cert-authority,namespaces=\"git,whim*,!file\",valid-after=\"20200101Z\",valid-before=\"20990101120000\" \
              ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi a comment"
                .to_vec(),
        );
        seeds
    },
    words: &[
        "-----BEGIN SSH SIGNATURE-----\n",
        "-----END SSH SIGNATURE-----\n",
        "untrusted comment: ",
        "trusted comment: ",
        "\n",
        "\r\n",
        "U1NIU0lH",
        "AAAA",
        "=",
        "RW",
        "ssh-ed25519 ",
        "AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi",
        "sk-ssh-ed25519@openssh.com ",
        "ssh-rsa ",
        "ecdsa-sha2-nistp256-cert-v01@openssh.com ",
        "namespaces=\"",
        "valid-after=\"",
        "valid-before=\"",
        "cert-authority",
        "20200101Z",
        "\"",
        ",",
        " ",
        "*",
        "!",
        "#",
        "alice",
    ],
    large: |size| {
        vec![
            (
                "signatures",
                repeated(size, "", "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n", ""),
            ),
            ("signatures without an end", repeated(size, "", "-----BEGIN SSH SIGNATURE-----\n", "")),
            ("an endless signature", repeated(size, "-----BEGIN SSH SIGNATURE-----\n", "AAAA\n", "")),
            ("minisign's", repeated(size, "", "untrusted comment: a\n", "")),
            ("empty lines", repeated(size, "", "\n", "")),
            (
                "signers",
                numbered(
                    size,
                    "",
                    |at| {
                        format!(
                            "a{at} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi\n"
                        )
                    },
                    "",
                ),
            ),
            ("names of one signer", numbered(size, "a", |at| format!(",a{at}"), " ssh-ed25519 AAAA")),
            ("options of one signer", repeated(size, "a ", "namespaces=\"a\",", " ssh-ed25519 AAAA")),
            ("patterns", repeated(size, "a namespaces=\"", "*a,", "\" ssh-ed25519 AAAA")),
            ("stars", repeated(size, "a namespaces=\"", "*w", "\" ssh-ed25519 AAAA")),
        ]
    },
    longest: 1 << 12,
};

/// What the fixtures' signers have signed, and who they are.
struct Fixture {
    set: MigrationSet,
    verifier: SignatureVerifier,
    genuine: Vec<String>,
}

thread_local! {
    static FIXTURE: Fixture = fixture();
}

fn fixture() -> Fixture {
    let one = |ending: &str| {
        let mut files = corpus::files(&["crates/whimbrel-sign/tests/fixtures"], &[ending]);
        String::from_utf8(files.swap_remove(0)).expect("the fixture is text")
    };
    let manifest = one("signed/whimbrel.sum");
    let set = MigrationSet::from_files(None, "", Vec::new(), Some(&manifest)).expect("a set");
    let verifier = SignatureVerifier::new()
        .with_allowed_signers(&one("allowed_signers"))
        .and_then(|verifier| verifier.with_minisign_key("carol", &one("carol.pub")))
        .expect("the fixtures' keys")
        .with_verify_time(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    // The bodies of the signatures, each on one line.
    let signatures = corpus::files(&["crates/whimbrel-sign/tests/fixtures"], &[".sig"]);
    let genuine = signatures.iter().flat_map(|file| bodies(&String::from_utf8_lossy(file))).collect();
    Fixture { set, verifier, genuine }
}

/// What stands in base64 in a file of signatures: for each of them its lines as one.
fn bodies(text: &str) -> Vec<String> {
    let mut bodies = vec![String::new()];
    for line in text.lines().map(str::trim_end) {
        if line.starts_with("-----") || line.starts_with("untrusted comment:") {
            bodies.push(String::new());
        } else if let Some(body) = bodies.last_mut() {
            body.push_str(line);
        }
    }
    bodies.retain(|body| !body.is_empty());
    bodies
}

fn check(bytes: &[u8]) {
    FIXTURE.with(|fixture| {
        let set = fixture.set.clone().with_signature(bytes.to_vec());
        let findings = ready(fixture.verifier.check_set(&set)).expect("the threshold can be met");
        findings.iter().for_each(|finding| is_one_line(finding.message()));
        if findings.is_empty() {
            let text = String::from_utf8_lossy(bytes);
            assert!(
                bodies(&text).iter().any(|body| fixture.genuine.contains(body)),
                "a signature is accepted that nobody has made: {text:?}"
            );
        }
    });
    let text = String::from_utf8_lossy(bytes);
    for read in [
        SignatureVerifier::new().with_allowed_signers(&text).map(drop),
        SignatureVerifier::new().with_minisign_key("carol", &text).map(drop),
        SignatureVerifier::new().with_minisign_key(&text, "RW").map(drop),
    ] {
        if let Err(error) = read {
            is_one_line(&error.to_string());
        }
    }
}

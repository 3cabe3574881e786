//! The texts that say who may sign: what is wrong with one is told, with its line, and no text makes anything panic.

use proptest::prelude::*;
use whimbrel::{ErrorKind, Manifest, Memory, MigrationSet, Verifier};
use whimbrel_sign::SignatureVerifier;
use whimbrel_testkit::block_on;

const ALICE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi";
const BOB: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOmHVFSMo4JhzYz4nTS7D7FRCdc783B/A3MmDkaRIrZI";
const CAROL: &str = "RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK";

fn set() -> MigrationSet {
    let memory = Memory::new().with_sql(1, "t", "CREATE TABLE t (id INTEGER);");
    let (manifest, _) = Manifest::lock(&memory.set().expect("it is fine"), None);
    memory.with_manifest(manifest).set().expect("it is fine")
}

fn wrong(text: &str) -> String {
    let error = SignatureVerifier::new().with_allowed_signers(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::Configuration);
    error.to_string()
}

#[test]
fn what_is_wrong_with_a_line_is_told_with_its_number() {
    let lines = [
        (format!("cert-authority {ALICE}"), "an option stands where"),
        (format!("valid-before=\"20200101Z\" {ALICE}"), "an option stands where"),
        (format!("*@example.com cert-authority {ALICE}"), "a pattern does not say whose"),
        (format!("ca@example.com cert-authority {ALICE}"), "`cert-authority` is not supported"),
        (format!("ca namespaces=\"whimbrel\",cert-authority {ALICE}"), "`cert-authority` is not supported"),
        (format!("!alice {ALICE}"), "a pattern does not say whose"),
        (format!("alice,,bob {ALICE}"), "a principal is empty"),
        (format!("\"alice {ALICE}"), "the quote before the principals is not closed"),
        (format!("alice no-touch-required {ALICE}"), "unknown option `no-touch-required`"),
        (format!("alice namespaces=whimbrel {ALICE}"), "the value of `namespaces` is not in quotes"),
        (format!("alice namespaces {ALICE}"), "the option namespaces has no value"),
        (format!("alice namespaces=\"whimbrel {ALICE}"), "a quote in the options is not closed"),
        (format!("alice namespaces=\"a\",namespaces=\"b\" {ALICE}"), "stands twice"),
        (format!("alice namespaces=\"a\"valid-after=\"20200101Z\" {ALICE}"), "expected a comma"),
        (format!("alice valid-after=\"20200101\" {ALICE}"), "has no time zone: write it in UTC"),
        (format!("alice valid-before=\"tomorrow\" {ALICE}"), "is no time"),
        (format!("alice valid-before=\"20200230Z\" {ALICE}"), "is a time that there is not"),
        (
            format!("alice valid-after=\"20210101Z\",valid-before=\"20200101Z\" {ALICE}"),
            "the key could never be used",
        ),
        ("alice".to_owned(), "expected `PRINCIPALS"),
        ("alice ssh-ed25519".to_owned(), "the key is damaged"),
        (format!("alice {}", &ALICE[..ALICE.len() - 4]), "the key is damaged"),
        (format!("alice {}", ALICE.replace("AAAAC", "AAAAD")), "the key is damaged"),
        ("alice ssh-dss AAAAB3NzaC1kc3MAAACB".to_owned(), "keys of type ssh-dss cannot be checked"),
        ("alice ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTI=".to_owned(), "cannot be checked"),
        ("alice ssh-ed25519-cert-v01@openssh.com AAAA".to_owned(), "a certificate is no key"),
        (format!("alice {CAROL}"), "expected `PRINCIPALS"),
    ];
    for (line, said) in lines {
        let error = wrong(&format!("# these sign\n\nbob {BOB}\n{line}\n"));
        assert!(error.starts_with("line 4 of the allowed signers: "), "{line}: {error}");
        assert!(error.contains(said), "{line}: {error}");
    }
    assert!(wrong("# nobody\n").contains("no line with a key"));
}

#[test]
fn what_is_no_minisign_key_is_refused_without_repeating_it() {
    let long = CAROL.repeat(2);
    let other = CAROL.replacen("RW", "RX", 1);
    for key in ["", "RW", ALICE, &CAROL[1..], &CAROL[..50], &long, &other, &format!("a\nb\n{CAROL}")] {
        let error = SignatureVerifier::new().with_minisign_key("carol", key).expect_err(key);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().starts_with("the minisign key of `carol`: expected"), "{error}");
    }
    assert!(SignatureVerifier::new().with_minisign_key(" ", CAROL).is_err());
}

#[test]
fn signers_are_counted_by_their_names_and_keys() -> whimbrel::Result<()> {
    let material = "RWQAAAAAAAAAAByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi";
    let cases: [(SignatureVerifier, usize); 6] = [
        (SignatureVerifier::new().with_allowed_signers(&format!("alice {ALICE}\nalice {BOB}"))?, 1),
        (SignatureVerifier::new().with_allowed_signers(&format!("alice {ALICE}\nbob {ALICE}"))?, 1),
        (SignatureVerifier::new().with_allowed_signers(&format!("alice {ALICE}\nbob {BOB}"))?, 2),
        // A name that two lines have makes them one signer's, however late it comes.
        (
            SignatureVerifier::new()
                .with_allowed_signers(&format!("alice {ALICE}\nbob {BOB}"))?
                .with_allowed_signers(&format!("bob,alice {BOB}"))?,
            1,
        ),
        (
            SignatureVerifier::new()
                .with_allowed_signers(&format!("bob {BOB}"))?
                .with_minisign_key("bob", CAROL)?,
            1,
        ),
        // The same key, written for another program.
        (
            SignatureVerifier::new()
                .with_allowed_signers(&format!("alice {ALICE}"))?
                .with_minisign_key("carol", material)?,
            1,
        ),
    ];
    for (index, (verifier, signers)) in cases.into_iter().enumerate() {
        let enough = block_on(verifier.clone().with_threshold(signers).check_set(&set()));
        assert!(enough.is_ok(), "{index}");
        let error = block_on(verifier.with_threshold(signers + 1).check_set(&set())).expect_err("too many");
        assert!(error.to_string().contains(&format!("and only {signers} named")), "{index}: {error}");
        let said = "name as many signers as have to sign, or lower the threshold";
        assert!(error.notes().any(|(name, text)| (name, text) == ("next", said)), "{error:#}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_makes_reading_signers_panic(text in "\\PC{0,80}", line in "[a-z*!\",= \\\\0-9Z-]{0,60}") {
        let _ = SignatureVerifier::new().with_allowed_signers(&text);
        let _ = SignatureVerifier::new().with_allowed_signers(&format!("alice {line} {ALICE}"));
        let _ = SignatureVerifier::new().with_allowed_signers(&format!("{line} {BOB}"));
        let _ = SignatureVerifier::new().with_minisign_key("carol", &text);
    }

    #[test]
    fn no_bytes_in_a_signature_panic_or_pass(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        body in "[A-Za-z0-9+/=\n]{0,300}",
        comment in "\\PC{0,20}",
    ) {
        let verifier = SignatureVerifier::new().with_allowed_signers(&format!("alice {ALICE}"))
            .and_then(|verifier| verifier.with_minisign_key("carol", CAROL)).expect("they are fine");
        let texts = [
            bytes,
            format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n").into_bytes(),
            format!("untrusted comment: {comment}\n{body}\ntrusted comment: {comment}\n{body}\n").into_bytes(),
        ];
        for text in texts {
            let findings = block_on(verifier.check_set(&set().with_signature(text))).expect("it decides");
            prop_assert!(!findings.is_empty());
        }
    }
}

#[test]
fn a_file_of_any_length_is_judged_in_bounded_time() {
    let verifier = SignatureVerifier::new().with_minisign_key("carol", CAROL).expect("it is fine");
    let said = |bytes: Vec<u8>| {
        let findings = block_on(verifier.check_set(&set().with_signature(bytes))).expect("it decides");
        findings.iter().map(ToString::to_string).collect::<String>()
    };
    assert!(said(vec![b'\n'; 1 << 20]).contains("the file is too long"));
    let block = include_str!("fixtures/legacy.sig");
    assert!(said(block.repeat(33).into_bytes()).contains("there are too many signatures"));
    assert!(said(b"\xff".to_vec()).contains("this is not text"));
}

//! What `ssh-keygen` and `minisign` have made is verified, and what was made for something else is not.

mod programs;

use std::fs;
use std::process::Command;

use whimbrel::FindingKind;
use whimbrel_sign::SignatureVerifier;

use crate::programs::{Keys, Migrations, run};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[test]
fn ssh_keygen_signs_and_a_signed_directory_runs() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    assert!(migrations.refused(&verifier).contains("whimbrel.sum.sig  is not there"));
    migrations.sign(&keys.ssh_sign("alice", "whimbrel", &migrations.manifest()));
    assert_eq!(migrations.run(&verifier)?.migrations.len(), 3);
    Ok(())
}

#[test]
fn ssh_keygen_writes_the_file_under_the_name_that_is_read() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    let folder = tempfile::tempdir()?;
    let key = folder.path().join("key");
    let public = keys.ssh("bob");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "whimbrel", "-f"])
        .arg(&key)
        .arg(migrations.manifest()));
    let line = format!("carol {}", fs::read_to_string(key.with_extension("pub"))?);
    migrations.run(&SignatureVerifier::new().with_allowed_signers(&line)?)?;
    migrations.refused(&verifier);
    migrations.refused(&SignatureVerifier::new().with_allowed_signers(&format!("bob {public}"))?);
    Ok(())
}

#[test]
fn ssh_keygen_agrees_about_what_is_accepted() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let key = keys.ssh("alice");
    let folder = tempfile::tempdir()?;
    let allowed = folder.path().join("allowed_signers");
    let lines = [
        (format!("alice {key}"), true),
        (format!("alice namespaces=\"whimbrel\" {key}"), true),
        (format!("alice namespaces=\"git,whim*,file\" {key}"), true),
        (format!("alice namespaces=\"git\" {key}"), false),
        (format!("alice namespaces=\"*,!whimbrel\" {key}"), false),
        (format!("alice valid-after=\"20200101Z\" {key}"), true),
        (format!("alice valid-after=\"20990101Z\" {key}"), false),
        (format!("alice valid-before=\"20990101Z\" {key}"), true),
        (format!("alice valid-before=\"202001010000Z\" {key}"), false),
        (format!("alice VALID-AFTER=\"20200101000000Z\",namespaces=\"whimbrel\" {key}"), true),
        (format!("# {key}\n\n  alice\t{key}"), true),
        (format!("\"alice,alice@example.com\" {key}"), true),
        (format!("alice valid-before=\"20200101Z\" {key}alice {key}"), true),
    ];
    migrations.sign(&keys.ssh_sign("alice", "whimbrel", &migrations.manifest()));
    for (line, good) in lines {
        fs::write(&allowed, &line)?;
        let theirs = Command::new("ssh-keygen")
            .args(["-q", "-Y", "verify", "-I", "alice", "-n", "whimbrel", "-f"])
            .arg(&allowed)
            .arg("-s")
            .arg(migrations.path().join("whimbrel.sum.sig"))
            .stdin(fs::File::open(migrations.manifest())?)
            .output()?
            .status
            .success();
        let ours = migrations.run(&SignatureVerifier::new().with_allowed_signers(&line)?);
        assert_eq!((theirs, ours.is_ok()), (good, good), "{line}: {ours:?}");
    }
    Ok(())
}

#[test]
fn minisign_signs_and_a_signed_directory_runs() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let file = keys.minisign("carol");
    let line = file.lines().last().ok_or("a key")?;
    for key in [file.as_str(), line] {
        let verifier = SignatureVerifier::new().with_minisign_key("carol", key)?;
        for arguments in [&[][..], &["-l"], &["-t", "a comment of ours", "-c", "another ünsigned one"]] {
            migrations.sign(&keys.minisign_sign("carol", &migrations.manifest(), arguments));
            migrations.run(&verifier)?;
        }
    }
    Ok(())
}

#[test]
fn several_sign_by_appending_and_each_signer_counts_once() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let signers = keys.ssh_signer("alice") + &keys.ssh_signer("bob") + &format!("alice {}", keys.ssh("new"));
    let verifier = SignatureVerifier::new()
        .with_allowed_signers(&signers)?
        .with_minisign_key("carol", &keys.minisign("carol"))?
        .with_minisign_key("alice", &keys.minisign("alice"))?;
    let manifest = migrations.manifest();
    let (alice, bob) =
        (keys.ssh_sign("alice", "whimbrel", &manifest), keys.ssh_sign("bob", "whimbrel", &manifest));
    let (new, mini) =
        (keys.ssh_sign("new", "whimbrel", &manifest), keys.minisign_sign("alice", &manifest, &[]));
    let carol = keys.minisign_sign("carol", &manifest, &["-l"]);
    let two = verifier.clone().with_threshold(2);
    let three = verifier.clone().with_threshold(3);
    let files = [
        (vec![&alice], 1),
        (vec![&alice, &alice], 1),
        (vec![&alice, &new, &mini], 1),
        (vec![&alice, &bob], 2),
        (vec![&carol, &mini], 2),
        (vec![&new, &carol, &bob], 3),
        (vec![&mini, &alice, &bob, &carol, &new], 3),
    ];
    for (blocks, count) in files {
        migrations.sign(&blocks.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n"));
        for (verifier, needed) in [(&verifier, 1), (&two, 2), (&three, 3)] {
            let result = migrations.run(verifier);
            assert_eq!(result.is_ok(), count >= needed, "{count} of {needed}: {result:?}");
        }
    }
    migrations.sign(&format!("{new}{alice}"));
    let refused = migrations.refused(&two);
    assert!(
        refused.contains("has the signatures of 1 of the 2 signers that are needed; good: alice;"),
        "{refused}"
    );
    assert!(refused.contains("ssh-keygen -Y sign -n whimbrel"), "{refused}");
    let error = migrations.run(&verifier.with_threshold(4)).expect_err("there are three");
    assert!(error.to_string().contains("4 signers are needed, and only 3 named"), "{error}");
    Ok(())
}

#[test]
fn keys_of_other_types_are_passed_over_in_a_signature_and_refused_as_signers() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    let alice = keys.ssh_sign("alice", "whimbrel", &migrations.manifest());
    for key_type in ["rsa", "ecdsa"] {
        let public = keys.ssh_of_type(key_type, key_type);
        let error =
            SignatureVerifier::new().with_allowed_signers(&format!("bob {public}")).expect_err("refused");
        assert!(error.to_string().contains("cannot be checked: make one with"), "{error}");
        let other = keys.ssh_sign(key_type, "whimbrel", &migrations.manifest());
        migrations.sign(&format!("{other}{alice}"));
        migrations.run(&verifier)?;
        migrations.sign(&other);
        assert!(
            migrations.refused(&verifier).contains("the one in line 1 is by a key of a type"),
            "{key_type}"
        );
    }
    Ok(())
}

#[test]
fn each_signature_that_is_not_good_is_told_with_its_line_and_reason() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let signers = format!(
        "{}bob valid-before=\"20200101Z\" {}dave namespaces=\"git\" {}",
        keys.ssh_signer("alice"),
        keys.ssh("bob"),
        keys.ssh("dave")
    );
    keys.ssh("mallory");
    keys.minisign("mallory");
    let verifier = SignatureVerifier::new()
        .with_allowed_signers(&signers)?
        .with_minisign_key("carol", &keys.minisign("carol"))?;
    let manifest = migrations.manifest();
    let other = migrations.path().join("0001_users.sql");
    let sign = |name: &str| keys.ssh_sign(name, "whimbrel", &manifest);
    let alice = sign("alice");
    let cases = [
        (
            keys.ssh_sign("alice", "git", &manifest),
            "the signature of alice was made for the namespace `git`",
            true,
        ),
        (keys.ssh_sign("alice", "whimbrel", &other), "the signature of alice is over other bytes", true),
        (keys.minisign_sign("carol", &other, &[]), "the signature of carol (minisign key ", true),
        ("hello\n".to_owned(), "this is no signature", true),
        (alice.replace("-----END", "----END"), "expected `-----END SSH SIGNATURE-----`", true),
        (alice.replace("-----END SSH SIGNATURE-----", ""), "this signature has no end", true),
        (alice.replacen("U1NI", "U1NJ", 1), "the signature is damaged", true),
        (sign("bob"), "is by a key of bob that may not be used: its time is over", false),
        (sign("dave"), "is by a key of dave that may not be used: its line's `namespaces`", false),
        (sign("mallory"), "is by the key SHA256:", false),
        (keys.minisign_sign("mallory", &manifest, &[]), "is by the minisign key ", false),
    ];
    for (signature, said, wrong) in &cases {
        migrations.sign(&format!("\n{signature}"));
        let refused = migrations.refused(&verifier);
        assert!(refused.contains(said), "{refused}");
        assert!(refused.contains("DIR/whimbrel.sum.sig"), "{refused}");
        // What is wrong is refused whoever else has signed; what nobody asked for is passed over.
        migrations.sign(&format!("{alice}{signature}"));
        let result = migrations.run(&verifier);
        assert_eq!(result.is_err(), *wrong, "{signature}: {result:?}");
    }
    let error = migrations.run(&SignatureVerifier::new()).expect_err("nobody is named");
    assert!(error.to_string().contains("no signer is named"), "{error}");
    let none = verifier.with_threshold(0);
    assert!(migrations.run(&none).is_err_and(|error| error.to_string().contains("a threshold of 0")));
    migrations.sign("");
    assert!(migrations.refused(&none.with_threshold(1)).contains("there is no signature in it"));
    Ok(())
}

#[test]
fn findings_are_of_their_own_kind() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    let error = migrations.run(&verifier).expect_err("it is not signed");
    assert_eq!(
        error.findings().iter().map(whimbrel::Finding::kind).collect::<Vec<_>>(),
        [FindingKind::Signature]
    );
    Ok(())
}

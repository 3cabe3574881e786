//! Signatures of keys in security keys: made here as one makes them, since a test has none to touch.

use ssh_key::private::Ed25519Keypair;
use ssh_key::public::{KeyData, SkEd25519};
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, Signature, SigningKey, SshSig};
use whimbrel::{Manifest, Memory, MigrationSet, Verifier};
use whimbrel_sign::SignatureVerifier;
use whimbrel_testkit::block_on;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn sign(key: &impl SigningKey, bytes: &[u8]) -> Vec<u8> {
    key.try_sign(bytes).expect("it can").as_bytes().to_vec()
}

/// A signature over a text, with these flags.
fn signed(key: &Ed25519Keypair, text: &[u8], flags: u8) -> ssh_key::Result<String> {
    let counter = [0, 0, 0, 9];
    let mut message = HashAlg::Sha256.digest(b"ssh:");
    message.push(flags);
    message.extend(counter);
    message.extend(HashAlg::Sha256.digest(&SshSig::signed_data("whimbrel", HashAlg::Sha512, text)?));
    let mut bytes = sign(&PrivateKey::from(key.clone()), &message);
    bytes.push(flags);
    bytes.extend(counter);
    let signature = Signature::new(Algorithm::SkEd25519, bytes)?;
    SshSig::new(public(key), "whimbrel", HashAlg::Sha512, signature)?.to_pem(LineEnding::LF)
}

fn public(key: &Ed25519Keypair) -> KeyData {
    KeyData::SkEd25519(SkEd25519::new(key.public, "ssh:"))
}

fn verify(set: MigrationSet, verifier: &SignatureVerifier) -> whimbrel::Result<String> {
    let findings = block_on(verifier.check_set(&set))?;
    Ok(findings.iter().map(|finding| format!("{finding}\n")).collect())
}

#[test]
fn a_security_key_that_was_touched_signs_and_one_that_was_not_does_not() -> Result {
    let key = Ed25519Keypair::from_seed(&[7; 32]);
    let line = format!("alice {}", PublicKey::from(public(&key)).to_openssh()?);
    let verifier = SignatureVerifier::new().with_allowed_signers(&line)?;
    let memory = Memory::new().with_sql(1, "t", "CREATE TABLE t (id INTEGER);");
    let (manifest, _) = Manifest::lock(&memory.set()?, None);
    let set = memory.with_manifest(manifest).set()?;
    let text = set.manifest_text().ok_or("it is locked")?.into_owned();
    let good = signed(&key, text.as_bytes(), 1)?;
    assert_eq!(verify(set.clone().with_signature(good.clone().into_bytes()), &verifier)?, "");
    let untouched = signed(&key, text.as_bytes(), 0)?;
    let said = verify(set.clone().with_signature(untouched.into_bytes()), &verifier)?;
    assert!(said.contains("nobody touched"), "{said}");
    let other = signed(&key, b"other", 1)?;
    let said = verify(set.clone().with_signature(other.into_bytes()), &verifier)?;
    assert!(said.contains("is over other bytes"), "{said}");
    for at in 0..good.len() - 1 {
        let mut flipped = good.clone().into_bytes();
        flipped[at] ^= 1;
        assert_ne!(verify(set.clone().with_signature(flipped), &verifier)?, "", "byte {at}");
    }
    // The same bytes as a plain key are another key.
    let plain = format!("alice {}", PublicKey::from(KeyData::Ed25519(key.public)).to_openssh()?);
    let verifier = SignatureVerifier::new().with_allowed_signers(&plain)?;
    assert!(verify(set.with_signature(good.into_bytes()), &verifier)?.contains("which nobody named"));
    Ok(())
}

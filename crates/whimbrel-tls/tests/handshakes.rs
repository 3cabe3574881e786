//! Handshakes with servers on loopback, of every kind of certificate, in every mode.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use whimbrel::TlsMode;
use whimbrel_tls::{Cause, Tls, TlsError, cause, name_to_accept, rustls};

#[path = "handshakes/remedies.rs"]
mod remedies;

const MODES: [TlsMode; 3] = [TlsMode::Require, TlsMode::VerifyCa, TlsMode::VerifyFull];
const HOST: &str = "db.example.com";

/// An authority, and the directory in which its certificate is.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

/// A certificate with its key.
struct Identity {
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    certificate: String,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("ca.pem"), certificate.pem()).expect("written");
        Self { certificate, issuer: Issuer::new(parameters, key), directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn signs(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("names");
        parameters.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        Identity { chain: vec![certificate.der().clone()], certificate: certificate.pem(), key }
    }
}

fn self_signed(names: &[&str]) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let certificate = CertificateParams::new(names).expect("names").self_signed(&key).expect("a certificate");
    Identity { chain: vec![certificate.der().clone()], certificate: certificate.pem(), key }
}

fn server(identity: &Identity, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).expect("a key");
    builder.with_single_cert(identity.chain.clone(), key).expect("a server")
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Connects, and has a byte sent back.
async fn connect(server: ServerConfig, host: &str, tls: &Tls) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut stream = TlsAcceptor::from(Arc::new(server)).accept(stream).await?;
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.shutdown().await
    });
    let result = async {
        let config = tls.client_config()?.expect("a mode with TLS");
        let name = ServerName::try_from(host.to_owned())?;
        let mut stream = TlsConnector::from(config).connect(name, TcpStream::connect(address).await?).await?;
        stream.write_u8(7).await?;
        // A server's answer to the client's certificate arrives with the first byte (TLS 1.3).
        assert_eq!(stream.read_u8().await?, 7);
        Ok(())
    }
    .await;
    serving.abort();
    result
}

/// What comes of it in `Require`, `VerifyCa` and `VerifyFull`.
async fn in_every_mode(identity: &Identity, authority: &Authority, host: &str) -> Vec<Option<Cause>> {
    let mut all = Vec::new();
    for mode in MODES {
        let tls = Tls::new(mode).with_root_certificate(authority.file());
        all.push(match connect(server(identity, None), host, &tls).await {
            Ok(()) => None,
            Err(error) => Some(cause(&*error).unwrap_or_else(|| panic!("a cause of {error:?}"))),
        });
    }
    all
}

#[tokio::test]
async fn the_right_certificate_is_taken_in_every_mode() {
    let authority = Authority::new();
    let identity = authority.signs(&[HOST], |_| {});
    assert_eq!(in_every_mode(&identity, &authority, HOST).await, [None, None, None]);
}

#[tokio::test]
async fn a_wrong_name_is_refused_by_verify_full_alone() {
    let authority = Authority::new();
    let identity = authority.signs(&["other.example.com", "10.0.0.1"], |_| {});
    let names = vec!["other.example.com".to_owned(), "10.0.0.1".to_owned()];
    let wrong = Some(Cause::WrongName(names));
    assert_eq!(in_every_mode(&identity, &authority, HOST).await, [None, None, wrong.clone()]);
    assert_eq!(in_every_mode(&identity, &authority, "127.0.0.1").await, [None, None, wrong]);
    assert_eq!(in_every_mode(&identity, &authority, "10.0.0.1").await, [None, None, None]);
}

#[tokio::test]
async fn a_certificate_without_names_is_taken_for_any_by_verify_ca() {
    let authority = Authority::new();
    let identity = authority.signs(&[], |_| {});
    let wrong = Some(Cause::WrongName(Vec::new()));
    assert_eq!(in_every_mode(&identity, &authority, HOST).await, [None, None, wrong]);
}

#[tokio::test]
async fn an_expired_certificate_is_refused_whatever_its_name() {
    let authority = Authority::new();
    for names in [[HOST], ["other.example.com"]] {
        let identity = authority.signs(&names, |parameters| {
            parameters.not_before = date_time_ymd(2000, 1, 1);
            parameters.not_after = date_time_ymd(2001, 1, 1);
        });
        let expired = Some(Cause::Expired);
        assert_eq!(in_every_mode(&identity, &authority, HOST).await, [None, expired.clone(), expired]);
    }
    let early = authority.signs(&[HOST], |parameters| {
        parameters.not_before = date_time_ymd(4000, 1, 1);
        parameters.not_after = date_time_ymd(4001, 1, 1);
    });
    let early = in_every_mode(&early, &authority, HOST).await;
    assert_eq!(early, [None, Some(Cause::NotYetValid), Some(Cause::NotYetValid)]);
}

#[tokio::test]
async fn an_untrusted_or_self_signed_certificate_is_refused_when_verified() {
    let authority = Authority::new();
    let untrusted = Some(Cause::NotTrusted);
    for identity in [Authority::new().signs(&[HOST], |_| {}), self_signed(&[HOST])] {
        let all = in_every_mode(&identity, &authority, HOST).await;
        assert_eq!(all, [None, untrusted.clone(), untrusted.clone()]);
    }
}

#[tokio::test]
async fn a_self_signed_certificate_that_is_named_is_trusted() {
    let directory = tempfile::tempdir().expect("a directory");
    let identity = self_signed(&[HOST]);
    let path = directory.path().join("server.pem");
    fs::write(&path, &identity.certificate).expect("written");
    for mode in MODES {
        let tls = Tls::new(mode).with_root_certificate(&path);
        connect(server(&identity, None), HOST, &tls).await.expect("trusted");
    }
}

#[tokio::test]
async fn an_authority_shown_as_a_server_is_told() {
    let authority = Authority::new();
    let identity = authority.signs(&[HOST], |parameters| {
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let told = Some(Cause::Authority);
    assert_eq!(in_every_mode(&identity, &authority, HOST).await, [None, told.clone(), told]);
}

#[tokio::test]
async fn a_server_without_the_certificates_key_is_refused_even_unverified() {
    let authority = Authority::new();
    let mut identity = authority.signs(&[HOST], |_| {});
    identity.key = KeyPair::generate().expect("another key");
    // rustls would notice when the server is made: a resolver of its own does not look.
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).expect("a key");
    let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a key");
    let certified = Arc::new(rustls::sign::CertifiedKey::new(identity.chain.clone(), key));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Impostor(Arc::clone(&certified))));
        let error = connect(server, HOST, &Tls::new(TlsMode::Require)).await.expect_err("refused");
        assert_eq!(cause(&*error), Some(Cause::NotTrusted));
    }
}

#[derive(Debug)]
struct Impostor(Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Impostor {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Writes a certificate and its key, the key for this user alone.
fn write(directory: &TempDir, identity: &Identity) -> (PathBuf, PathBuf) {
    let certificate = directory.path().join("client.pem");
    let key = directory.path().join("client.key");
    fs::write(&certificate, &identity.certificate).expect("written");
    fs::write(&key, identity.key.serialize_pem()).expect("written");
    close(&key);
    (certificate, key)
}

fn close(path: &PathBuf) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("permissions");
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_asked_for() {
    let authority = Authority::new();
    let identity = authority.signs(&[HOST], |_| {});
    let directory = tempfile::tempdir().expect("a directory");
    let (certificate, key) = write(&directory, &authority.signs(&["app"], |_| {}));
    for mode in MODES {
        let bare = Tls::new(mode).with_root_certificate(authority.file());
        let error = connect(server(&identity, Some(&authority)), HOST, &bare).await.expect_err("none shown");
        assert_eq!(cause(&*error), Some(Cause::ClientCertificateWanted), "{error:?}");

        let shown = bare.clone().with_client_certificate(&certificate, &key);
        connect(server(&identity, Some(&authority)), HOST, &shown).await.expect("shown");
        connect(server(&identity, None), HOST, &shown).await.expect("not asked for");
    }
    let (certificate, key) = write(&directory, &Authority::new().signs(&["app"], |_| {}));
    let strange = Tls::new(TlsMode::Require).with_client_certificate(certificate, key);
    let error =
        connect(server(&identity, Some(&authority)), HOST, &strange).await.expect_err("a strange one");
    assert_eq!(cause(&*error), Some(Cause::ClientCertificateRefused), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"E\0\0\0\x40SFATAL\0"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(answer).await?;
            // Read, so that closing does not reset what was written.
            stream.read_u8().await
        });
        let config = Tls::new(TlsMode::Require).client_config().expect("sound").expect("TLS");
        let name = ServerName::try_from(HOST).expect("a name");
        let stream = TcpStream::connect(address).await.expect("connected");
        let error = TlsConnector::from(config).connect(name, stream).await.expect_err("no TLS");
        assert_eq!(cause(&error), Some(Cause::NoTls), "{error:?}");
        serving.abort();
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.read(&mut [0; 4096]).await
    });
    let config = Tls::new(TlsMode::Require).client_config().expect("sound").expect("TLS");
    let name = ServerName::try_from(HOST).expect("a name");
    let stream = TcpStream::connect(address).await.expect("connected");
    let error = TlsConnector::from(config).connect(name, stream).await.expect_err("hung up");
    assert_eq!(cause(&error), Some(Cause::HungUp), "{error:?}");
    serving.abort();
}

#[tokio::test]
async fn a_name_of_the_certificate_makes_verify_ca_out_of_verify_full() {
    let authority = Authority::new();
    let full = Tls::new(TlsMode::VerifyFull).with_root_certificate(authority.file());
    for names in [["other.example.com"], ["*.example.org"], ["10.0.0.1"]] {
        let identity = authority.signs(&names, |_| {});
        let error = connect(server(&identity, None), HOST, &full).await.expect_err("another name");
        let name = name_to_accept(&*error).expect("a name");
        connect(server(&identity, None), &name, &full).await.expect("taken by its own name");
    }
    let untrusted = Authority::new().signs(&["other.example.com"], |_| {});
    let error = connect(server(&untrusted, None), HOST, &full).await.expect_err("untrusted");
    assert_eq!(name_to_accept(&*error), None);
}

#[test]
fn no_tls_needs_no_files() {
    let tls = Tls::new(TlsMode::Disable).with_root_certificate("/nowhere");
    assert!(tls.client_config().expect("sound").is_none());
}

#[test]
fn wrong_files_are_named_and_their_content_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).expect("written");
        close(&path);
        path
    };
    let one = self_signed(&[HOST]);
    let other = self_signed(&[HOST]);
    let certificate = file("certificate.pem", &one.certificate);
    let key = file("key.pem", &one.key.serialize_pem());
    let other_key = file("other.pem", &other.key.serialize_pem());
    let text = file("MARK.txt", "MARKER");
    let empty = file("empty.pem", "");
    let damaged = file("damaged.pem", "-----BEGIN CERTIFICATE-----\nTUFSS0VS\n-----END CERTIFICATE-----\n");
    let garbled = file("garbled.pem", "-----BEGIN CERTIFICATE-----\nM!RKER\n-----END CERTIFICATE-----\n");
    let encrypted = file(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nTUFSS0VS\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let odd = file("odd.pem", "-----BEGIN PRIVATE KEY-----\nTUFSS0VS\n-----END PRIVATE KEY-----\n");
    let nowhere = directory.path().join("nowhere.pem");

    let root = |path: &PathBuf| {
        let error =
            Tls::new(TlsMode::VerifyFull).with_root_certificate(path).client_config().expect_err("refused");
        (error, path.clone())
    };
    let client = |certificate: &PathBuf, key: &PathBuf| {
        let tls = Tls::new(TlsMode::Require).with_client_certificate(certificate, key);
        (tls.client_config().expect_err("refused"), key.clone())
    };
    let all = [
        ("not found", root(&nowhere)),
        ("not pem", root(&text)),
        ("not pem", root(&empty)),
        ("no certificate", root(&key)),
        ("broken", root(&damaged)),
        ("broken", root(&garbled)),
        ("unreadable", root(&directory.path().to_owned())),
        ("not found", client(&certificate, &nowhere)),
        ("not pem", client(&certificate, &text)),
        ("no key", client(&certificate, &certificate)),
        ("encrypted", client(&certificate, &encrypted)),
        ("unknown key", client(&certificate, &odd)),
        ("mismatch", client(&certificate, &other_key)),
    ];
    for (expected, (error, path)) in all {
        let kind = match &error {
            TlsError::NotFound(_) => "not found",
            TlsError::NotPem(_) => "not pem",
            TlsError::NoCertificate(_) => "no certificate",
            TlsError::BrokenCertificate(..) => "broken",
            TlsError::Unreadable(..) => "unreadable",
            TlsError::NoKey(_) => "no key",
            TlsError::EncryptedKey(_) => "encrypted",
            TlsError::UnknownKey(_) => "unknown key",
            TlsError::KeyMismatch { .. } => "mismatch",
            _ => "something else",
        };
        assert_eq!(kind, expected, "{error:?}");
        let name = path.display().to_string();
        assert!(error.to_string().contains(&name), "{error} names {name}");
        let error = whimbrel::Error::from(error);
        assert_eq!(error.kind(), whimbrel::ErrorKind::Configuration);
        let shown = format!("{error} {error:?} {error:#}");
        assert!(!shown.contains("MARKER") && !shown.contains("TUFSS0VS"), "{shown}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_every_user_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a directory");
    let (certificate, key) = write(&directory, &self_signed(&[HOST]));
    for (mode, sound) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("permissions");
        let tls = Tls::new(TlsMode::Require).with_client_certificate(&certificate, &key);
        assert_eq!(tls.client_config().is_ok(), sound, "{mode:o}");
    }
}

#[test]
fn the_provider_of_the_process_is_installed_once_and_for_clients_alone() {
    // No configuration of ours needs it, or installs one.
    Tls::new(TlsMode::Require).client_config().expect("sound");
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    whimbrel_tls::install_provider_if_missing();
    let installed = rustls::crypto::CryptoProvider::get_default().expect("installed");
    whimbrel_tls::install_provider_if_missing();
    assert!(Arc::ptr_eq(installed, rustls::crypto::CryptoProvider::get_default().expect("installed")));
}

//! TLS with real servers: what each mode lets through, and what is said where it does not.
#![cfg(feature = "tls")]

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;
use whimbrel::{DatabaseUrl, Driver, Secret};
use whimbrel_mysql::MySql;
use whimbrel_testkit::{Server, ServerKind, ServerOptions};

mod server;
use server::{run, url};

/// An authority, and certificates of its for names.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        // The server runs as somebody else.
        #[cfg(unix)]
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("mine");
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = parameters.self_signed(&key).expect("a certificate");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("written");
        Self { folder, issuer: Issuer::new(parameters, key) }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        let path = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        std::fs::write(path("pem"), certificate.pem()).expect("written");
        std::fs::write(path("key"), key.serialize_pem()).expect("written");
        (path("pem"), path("key"))
    }
}

async fn cipher(url: &DatabaseUrl) -> Result<String, String> {
    let mut db = MySql::connect(url).await.map_err(|error| format!("{error}"))?;
    let rows = db.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'", &[]).await.expect("a row");
    Ok(rows[0].read(1).expect("a text"))
}

#[tokio::test]
async fn each_mode_lets_through_what_it_says() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for kind in server::kinds() {
        for (name, fits) in [("localhost", true), ("db.internal", false)] {
            let (certificate, key) = authority.sign(name);
            let server =
                Server::start(&ServerOptions::new(kind).with_tls(certificate, key)).expect("a server");
            let mut admin = MySql::connect(&url(&server, "")).await.expect("a connection");
            run(&mut admin, "CREATE USER app IDENTIFIED BY 'hunter2'", 1).await.1.expect("a user");
            let at = |mode: &str| {
                let text = format!("mysql://app@localhost:{}/?sslmode={mode}", server.port());
                DatabaseUrl::parse(&text).expect("a URL").with_password(Secret::new("hunter2"))
            };
            assert_eq!(cipher(&at("disable")).await, Ok(String::new()));
            let trusted = |mode| at(mode).with_root_certificate(authority.root());
            for mode in ["verify-ca", "verify-full"] {
                let told = cipher(&trusted(mode)).await;
                if fits || mode == "verify-ca" {
                    assert!(
                        told.as_ref().is_ok_and(|cipher| !cipher.is_empty()),
                        "{kind} {name} {mode}: {told:?}"
                    );
                } else {
                    assert!(
                        told.as_ref().is_err_and(|told| told.contains("db.internal")),
                        "{kind} {mode}: {told:?}"
                    );
                }
                let told = cipher(&at(mode).with_root_certificate(stranger.root())).await;
                assert!(told.as_ref().is_err_and(|told| told.contains("nobody who is trusted")), "{told:?}");
                let told = cipher(&at(mode)).await;
                assert!(told.is_err_and(|told| !told.contains("hunter2")));
            }
            assert!(cipher(&at("require")).await.is_ok_and(|cipher| !cipher.is_empty()));
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_in_plain_text() {
    let server = Server::shared(ServerKind::MariaDb).expect("a server");
    for mode in ["require", "verify-full"] {
        let url = DatabaseUrl::parse(&format!("mysql://root@localhost:{}/?sslmode={mode}", server.port()));
        let told = cipher(&url.expect("a URL")).await.expect_err("it has no TLS");
        assert!(told.contains("TLS") || told.contains("trust"), "{told}");
    }
}

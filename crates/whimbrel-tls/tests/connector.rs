//! The connector, with tokio-postgres on one side and just enough of a server on the other.
#![cfg(feature = "postgres")]

use std::fs;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use whimbrel::TlsMode;
use whimbrel_tls::{Cause, Connector, Tls, cause, rustls};

/// Whether the server has TLS, and for which name.
#[derive(Clone, Copy)]
enum Server {
    Plain,
    Named(&'static str),
}

async fn connect(server: Server, mode: TlsMode) -> Result<(), tokio_postgres::Error> {
    let name = match server {
        Server::Plain => "localhost",
        Server::Named(name) => name,
    };
    let key = rcgen::KeyPair::generate().expect("a key");
    let parameters = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
    let certificate = parameters.self_signed(&key).expect("a certificate");
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), certificate.pem()).expect("written");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
        .expect("a server");

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut request = [0; 8];
        stream.read_exact(&mut request).await?;
        // SSLRequest (PostgreSQL's manual, section 55.7).
        assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
        if let Server::Plain = server {
            stream.write_all(b"N").await?;
            // A client that carries on in plaintext would be heard here.
            assert_eq!(stream.read(&mut request).await?, 0);
            return Ok(());
        }
        stream.write_all(b"S").await?;
        let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
        let length = stream.read_u32().await?;
        let mut startup = vec![0; length as usize - 4];
        stream.read_exact(&mut startup).await?;
        // AuthenticationOk, ReadyForQuery.
        stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await?;
        stream.flush().await?;
        stream.read(&mut request).await.map(drop)
    });
    let tls = Tls::new(mode).with_root_certificate(file.path());
    let connector = Connector::new(tls.client_config().expect("sound").expect("TLS"));
    let mut client = Config::new();
    client
        .host("localhost")
        .hostaddr([127, 0, 0, 1].into())
        .port(port)
        .user("app")
        .ssl_mode(SslMode::Require);
    let result = client.connect(connector).await.map(drop);
    match serving.await {
        Ok(_) => result,
        Err(error) => panic!("the server: {error}"),
    }
}

#[tokio::test]
async fn tokio_postgres_connects_to_the_right_server() {
    for mode in [TlsMode::Require, TlsMode::VerifyCa, TlsMode::VerifyFull] {
        connect(Server::Named("localhost"), mode).await.expect("connected");
    }
    for mode in [TlsMode::Require, TlsMode::VerifyCa] {
        connect(Server::Named("db.example.com"), mode).await.expect("connected");
    }
}

#[tokio::test]
async fn what_tokio_postgres_reports_has_its_cause() {
    let error =
        connect(Server::Named("db.example.com"), TlsMode::VerifyFull).await.expect_err("a wrong name");
    assert_eq!(cause(&error), Some(Cause::WrongName(vec!["db.example.com".to_owned()])));
    let error = connect(Server::Plain, TlsMode::Require).await.expect_err("no TLS");
    assert_eq!(cause(&error), Some(Cause::NoTls), "{error:?}");
}

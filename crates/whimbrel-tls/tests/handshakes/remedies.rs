//! Does what each error about TLS says to do. `docs/remedies.md` names this file.

use std::process::Command;

use super::*;

/// Connects to a server that answers with these bytes, whatever it is sent.
async fn answered(answer: &'static [u8]) -> Failure {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        if answer.is_empty() {
            let read = stream.read(&mut [0; 4096]).await?;
            return Ok(u8::from(read > 0));
        }
        stream.write_all(answer).await?;
        // Read, so that closing does not reset what was written.
        stream.read_u8().await
    });
    let config = Tls::new(TlsMode::Require).client_config().expect("sound").expect("TLS");
    let name = ServerName::try_from(HOST).expect("a name");
    let stream = TcpStream::connect(address).await.expect("connected");
    let error = TlsConnector::from(config).connect(name, stream).await.expect_err("no server of TLS");
    serving.abort();
    error.into()
}

fn says(error: &Failure, remedy: &str) {
    let cause = cause(&**error).unwrap_or_else(|| panic!("a cause of {error:?}"));
    assert_eq!(cause.remedy(), remedy, "{cause}");
}

#[tokio::test]
async fn a_server_is_reached_when_what_the_cause_says_is_done() {
    let authority = Authority::new();
    let good = authority.signs(&[HOST], |_| {});
    let full = Tls::new(TlsMode::VerifyFull).with_root_certificate(authority.file());
    let is_reached = async |tls: &Tls, host: &str| {
        connect(server(&good, None), host, tls).await.expect("what was said was done");
    };

    let other = Authority::new();
    let strange = Tls::new(TlsMode::VerifyFull).with_root_certificate(other.file());
    let error = connect(server(&good, None), HOST, &strange).await.expect_err("another authority");
    says(&error, "name the authority's certificate with `sslrootcert`, or install it on this machine");
    is_reached(&full, HOST).await;

    let error = connect(server(&good, None), "other.example.com", &full).await.expect_err("another name");
    says(
        &error,
        "connect by a name that the certificate has, or, if the authority signs only this server's, ask for `verify-ca`",
    );
    is_reached(&full, HOST).await;

    let expired = authority.signs(&[HOST], |parameters| parameters.not_after = date_time_ymd(2001, 1, 1));
    let error = connect(server(&expired, None), HOST, &full).await.expect_err("it has expired");
    says(&error, "renew the server's certificate; if it is new, set this machine's clock");
    is_reached(&full, HOST).await;

    let early = authority.signs(&[HOST], |parameters| parameters.not_before = date_time_ymd(2999, 1, 1));
    let error = connect(server(&early, None), HOST, &full).await.expect_err("it is not valid yet");
    // In the place of waiting: one whose time has begun.
    says(&error, "set this machine's clock, or wait");
    is_reached(&full, HOST).await;

    let own = Identity {
        chain: vec![authority.certificate.der().clone()],
        certificate: authority.certificate.pem(),
        key: KeyPair::try_from(authority.issuer.key().serialize_der()).expect("a key"),
    };
    let error = connect(server(&own, None), HOST, &full).await.expect_err("an authority's");
    says(
        &error,
        "give the server a certificate of its own that the authority has signed (`CA:FALSE`), and name the authority's with \
         `sslrootcert`",
    );
    let leaf = authority.signs(&[HOST], |parameters| parameters.is_ca = IsCa::ExplicitNoCa);
    connect(server(&leaf, None), HOST, &full).await.expect("it is the server's own");

    let clients = authority.signs(&[HOST], |parameters| {
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let error = connect(server(&clients, None), HOST, &full).await.expect_err("one for clients");
    says(&error, "give the server a certificate for servers (X.509 version 3, `serverAuth`)");
    is_reached(&full, HOST).await;

    let error = connect(server(&good, None), "not a name", &full).await.expect_err("no name");
    says(&error, "connect by a host's name or an address");
    is_reached(&full, HOST).await;

    for (answer, said) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "turn TLS on in the server; on a network that nobody else can reach, ask for `sslmode=disable`",
        ),
        // Alerts: protocol_version, internal_error.
        (b"\x15\x03\x03\0\x02\x02\x46", "allow TLS 1.2 or 1.3 in the server"),
        (b"\x15\x03\x03\0\x02\x02\x50", "look at the error behind this one, and at the server's log"),
        (b"", "look at the server's log, and whether the port is the database's"),
    ] {
        says(&answered(answer).await, said);
        is_reached(&full, HOST).await;
    }
    assert!(Tls::new(TlsMode::Disable).client_config().expect("sound").is_none());

    let directory = tempfile::tempdir().expect("a directory");
    let demanding = || server(&good, Some(&authority));
    let error = connect(demanding(), HOST, &full).await.expect_err("none is shown");
    says(&error, "name a client's certificate with `sslcert` and `sslkey`");
    let (certificate, key) = write(&directory, &other.signs(&["app"], |_| {}));
    let shown = full.clone().with_client_certificate(certificate, key);
    let error = connect(demanding(), HOST, &shown).await.expect_err("a strange one");
    says(
        &error,
        "name a client's certificate that an authority of the server's has signed, for this user and in its time",
    );
    write(&directory, &authority.signs(&["app"], |_| {}));
    connect(demanding(), HOST, &shown).await.expect("it is the authority's");
}

/// A line for the shell, typed in a folder.
fn typed(folder: &TempDir, line: &str) {
    let ended = Command::new("sh").arg("-c").arg(line).current_dir(folder.path()).output().expect("a shell");
    assert!(ended.status.success(), "{line}: {ended:?}");
}

#[test]
fn a_file_is_taken_when_what_its_error_says_is_done() {
    let folder = tempfile::tempdir().expect("a directory");
    let identity = self_signed(&[HOST]);
    let at = |name: &str| folder.path().join(name);
    let file = |name: &str, bytes: &[u8]| {
        fs::write(at(name), bytes).expect("written");
        close(&at(name));
    };
    file("c.pem", identity.certificate.as_bytes());
    file("k.pem", identity.key.serialize_pem().as_bytes());
    file("c.der", &identity.chain[0]);
    file("k.der", &identity.key.serialize_der());
    file("other.pem", self_signed(&[HOST]).key.serialize_pem().as_bytes());
    file("large.pem", &vec![b'x'; (4 << 20) + 1]);
    file("broken.pem", b"-----BEGIN CERTIFICATE-----\nTUFSS0VS\n-----END CERTIFICATE-----\n");
    file("odd.pem", b"-----BEGIN PRIVATE KEY-----\nTUFSS0VS\n-----END PRIVATE KEY-----\n");
    typed(
        &folder,
        "openssl pkey -in k.pem -aes256 -passout pass:word -out locked.pem && chmod 600 locked.pem",
    );
    typed(&folder, "cp k.pem open.pem && chmod 644 open.pem");

    let root = |name: &str| Tls::new(TlsMode::VerifyFull).with_root_certificate(at(name));
    let client = |certificate: &str, key: &str| {
        Tls::new(TlsMode::Require).with_client_certificate(at(certificate), at(key))
    };
    for (said, wrong, line, mended) in [
        ("give its right path", root("nowhere.pem"), "", root("c.pem")),
        ("name a file, and give this user the right to read it", root(""), "", root("c.pem")),
        ("name one that holds certificates or a key", root("large.pem"), "", root("c.pem")),
        (
            "convert it, as with `openssl x509 -inform der` or `openssl pkey -inform der`",
            root("c.der"),
            "openssl x509 -inform der < c.der > from-der.pem",
            root("from-der.pem"),
        ),
        (
            "convert it, as with `openssl x509 -inform der` or `openssl pkey -inform der`",
            client("c.pem", "k.der"),
            "umask 077; openssl pkey -inform der < k.der > key-from-der.pem",
            client("c.pem", "key-from-der.pem"),
        ),
        ("get the file anew", root("broken.pem"), "cp c.pem broken.pem", root("broken.pem")),
        ("name the one with `BEGIN CERTIFICATE`", root("k.pem"), "", root("c.pem")),
        ("name the one with `BEGIN PRIVATE KEY`", client("c.pem", "c.pem"), "", client("c.pem", "k.pem")),
        (
            "decrypt it with `openssl pkey`, and let nobody else read the file",
            client("c.pem", "locked.pem"),
            "umask 077; openssl pkey -passin pass:word < locked.pem > unlocked.pem",
            client("c.pem", "unlocked.pem"),
        ),
        (
            "take that away with `chmod 600`",
            client("c.pem", "open.pem"),
            "chmod 600 open.pem",
            client("c.pem", "open.pem"),
        ),
        (
            "use an RSA key of 2048 to 8192 bits, P-256, P-384 or Ed25519",
            client("c.pem", "odd.pem"),
            "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=app -keyout rsa.key -out rsa.pem 2> /dev/null \
             && chmod 600 rsa.key",
            client("rsa.pem", "rsa.key"),
        ),
        ("name the two that were made together", client("c.pem", "other.pem"), "", client("c.pem", "k.pem")),
    ] {
        let error = whimbrel::Error::from(wrong.client_config().expect_err(said));
        let next: Vec<&str> =
            error.notes().filter(|(name, _)| *name == "next").map(|(_, text)| text).collect();
        assert_eq!(next, [said], "{error:#}");
        typed(&folder, line);
        mended.client_config().unwrap_or_else(|error| panic!("{said}: {error}"));
    }
}

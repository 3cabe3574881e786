//! Row 6: a configuration file holds no part of a credential.

use whimbrel::SecretReference;

#[test]
fn threat_06_a_configuration_holds_references_only_and_a_credential_in_it_is_refused_unprinted() {
    // What somebody may write in place of a reference: all of a URL, a part of it, or a reference with a part of it inside.
    for text in [
        "postgres://app:Hush1Hush2@db.example.org/app",
        "Hush1Hush2",
        ":Hush1Hush2",
        "app@Hush1Hush2",
        "app:Hush1Hush2",
        "env:Hush1=Hush2",
        "env:postgres://app:Hush1Hush2@h/app",
        "file:Hush1Hush2",
        "file:postgres://app:Hush1Hush2@h/app",
        "file:/run/secrets/postgres://app:Hush1Hush2@h/app",
        "fd:Hush1Hush2",
        "fd:+3Hush1",
        "password:Hush1Hush2",
        "ENV:Hush1Hush2",
        "",
    ] {
        let error = text.parse::<SecretReference>().expect_err(text);
        let told = format!("{error} {error:?} {error:#}");
        assert!(!told.contains("Hush"), "{told}");
        assert!(told.contains("env:NAME"), "it says what to write: {told}");
    }
    // A reference is read, and what it refers to is shown by nothing either.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("url");
    std::fs::write(&path, "postgres://app:Hush1Hush2@db.example.org/app").expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("ours");
    }
    let reference: SecretReference = format!("file:{}", path.display()).parse().expect("a reference");
    let url = reference.url().expect("a URL");
    assert_eq!(url.password().map(|password| password.expose()), Some("Hush1Hush2"));
    assert!(!format!("{reference} {reference:?} {url} {url:?}").contains("Hush"));
}

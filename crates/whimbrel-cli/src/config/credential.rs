//! What looks like a credential, or a part of one. Judges texts and keys; knows no setting.

/// Keys that other programs' files have for parts of a credential.
const KEYS: [&str; 26] = [
    "api-key",
    "auth",
    "connection",
    "connection-string",
    "connection-url",
    "credentials",
    "database",
    "database-url",
    "db",
    "dbname",
    "dsn",
    "host",
    "hostname",
    "login",
    "pass",
    "passwd",
    "password",
    "port",
    "pwd",
    "secret",
    "server",
    "token",
    "uri",
    "url",
    "user",
    "username",
];

/// What to do with the URL of a database.
pub(super) const ELSEWHERE: &str = "keep the database's URL out of this file, and say where it is: \
                                    `url = { env = \"DATABASE_URL\" }` or `url = { file = \"PATH\" }`";

/// The key of a part of a credential that this key is, whatever its spelling.
pub(super) fn key(key: &str) -> Option<&'static str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let wanted = plain(key.get(..64.min(key.len()))?);
    KEYS.into_iter().find(|own| plain(own) == wanted)
}

/// Whether a text that should be a path, a name or a reference may hold a credential: it is a URL, or `user@host`, or
/// one of the other forms in which they are written.
pub(super) fn in_name(text: &str) -> bool {
    text.contains("://") || text.contains('@') || in_value(text)
}

/// Whether any text may hold a credential: a URL with a user or a password, a connection's parameters, a private key.
pub(super) fn in_value(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let said = ["password", "passwd", "pwd"]
        .iter()
        .any(|word| text.split(word).skip(1).any(|after| after.trim_start().starts_with(['=', ':'])));
    let url = text.split("://").skip(1).any(|after| after.contains('@') || after.contains("%40"));
    said || url || text.contains("private key-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_hold_credentials_are_told_from_others() {
        for text in [
            "postgres://app:hunter2@db/app",
            "see https://token@example.com/ for more",
            "host=db user=app password=hunter2",
            "Server=db;Pwd = hunter2",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "https://example.com?Password=hunter2",
            "https://app%40corp:hunter2%40db/",
        ] {
            assert!(in_value(text), "{text}");
        }
        for text in
            ["eu", "it's ours", "someone@example.com", "https://example.com/a", "a password is needed", "a/b"]
        {
            assert!(!in_value(text), "{text}");
        }
        assert!(in_name("app@db.example.com") && in_name("https://example.com") && !in_name("../migrations"));
        assert_eq!((key("API_Key"), key("directory")), (Some("api-key"), None));
    }
}

//! Rows about where the database is: references, files, TLS, and what can be made and removed.

use super::rows::row;
use super::{Kind, Row};

pub(super) const DATABASES: &[Row] = &[
    row("a variable is not set", "base", "whimbrel up --url env:SHOP_URL", 2, "set it, or give its right name").done("SHOP_URL=sqlite:shop.db whimbrel up --url env:SHOP_URL", "it is read"),
    row("a variable is empty", "base", "SHOP_URL= whimbrel up --url env:SHOP_URL", 2, "set it").done("SHOP_URL=sqlite:shop.db whimbrel up --url env:SHOP_URL", "it is read"),
    row("a variable is not UTF-8", "base", "SHOP_URL=$(printf 'sqlite:\\351.db') whimbrel up --url env:SHOP_URL", 2, "write it in UTF-8").done("SHOP_URL=$(printf 'sqlite:\\303\\251.db') whimbrel up --url env:SHOP_URL", "it is read"),
    row("a file with a URL is not there", "base; printf '[environments.a]\\nurl = { file = \"url\" }\\nrecord-environment = false\\n' > whimbrel.toml", "whimbrel -e a up", 2, "make it, or give its right path").done("url", "it is read").then("whimbrel -e a up", 0),
    row("a directory is in the place of a file with a URL", "base; mkdir url", "whimbrel up --url file:url", 2, "name the file in it").done("rmdir url; mkdir in; cd in; url; cd ..; whimbrel up --url file:in/url", "it is read"),
    row("others can change a file with a URL", "base; url; chmod 622 url", "whimbrel up --url file:url", 2, "take that right from them (`chmod 600`)").done("chmod 600 url; whimbrel up --url file:url", "it is read"),
    row("others can read a file with a URL", "base; url; chmod 644 url", "whimbrel up --url file:url", 2, "take that right from them (`chmod 600`), and change the secret").done("chmod 600 url; whimbrel up --url file:url", "it is read"),
    row("a file with a URL is empty", "base; (umask 077; : > url)", "whimbrel up --url file:url", 2, "fill it").done("url; whimbrel up --url file:url", "it is read"),
    row("a file with a URL is large", "base; (umask 077; head -c 70000 /dev/zero > url)", "whimbrel up --url file:url", 2, "name the file that holds the text alone").done("url; whimbrel up --url file:url", "it is read"),
    row("a file with a URL is not UTF-8", "base; (umask 077; printf '\\351' > url)", "whimbrel up --url file:url", 2, "write it in UTF-8").done("url; whimbrel up --url file:url", "it is read"),
    row("this machine trusts no authority", "base", "SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/nowhere whimbrel up --url 'postgres://ann@127.0.0.1:1/x?sslmode=verify-full'", 1, "install its package `ca-certificates`, or name a file with `sslrootcert`")
        .done("openssl req -x509 -newkey ed25519 -nodes -subj /CN=ca -keyout key.pem -out ca.pem 2> /dev/null", "it is trusted, and the next thing is wrong: no server")
        .then("SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/nowhere whimbrel up --url 'postgres://ann@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=ca.pem'", 6),
    row("a URL names no database to make", "true", "whimbrel create --url postgres://ann@127.0.0.1:1", 1, "put its name behind the host: …/NAME").done("true", "the next thing is wrong: no server").then("whimbrel create --url postgres://ann@127.0.0.1:1/app", 6),
    row("a URL names the server's own database", "true", "whimbrel create --url postgres://ann@127.0.0.1:1/postgres", 1, "name one of the application's in the URL").done("true", "the next thing is wrong: no server").then("whimbrel create --url postgres://ann@127.0.0.1:1/app", 6),
    row("the name of a database is too long", "true", "whimbrel create --url postgres://ann@127.0.0.1:1/$(printf %064d 0)", 1, "name it otherwise").done("true", "the next thing is wrong: no server").then("whimbrel create --url postgres://ann@127.0.0.1:1/app", 6),
    row("a database in memory is to be made", "base", "whimbrel create --url sqlite::memory:", 1, "name a file").done("whimbrel create --url sqlite:shop.db", "it is made"),
    row("a link is in the place of a file of SQLite", "base; ln -s shop.db link.db", "whimbrel create --url sqlite:link.db", 1, "name the file itself").done("whimbrel create --url sqlite:shop.db", "it is there"),
    row("a directory is in the place of a file of SQLite", "base; mkdir x.db", "whimbrel create --url sqlite:x.db", 1, "name a file of SQLite's").done("whimbrel create --url sqlite:shop.db", "it is there"),
    row("a file is none of SQLite's", "base; echo rubbish > x.db", "whimbrel create --url sqlite:x.db", 1, "name one; if this is to go, remove it by hand").done("rm x.db; whimbrel create --url sqlite:x.db", "it is made"),
    row("a database that is to go has connections", "whimbrel create; base; { psql \"$DATABASE_URL\" -c 'SELECT pg_sleep(60)' > /dev/null 2>&1 & }; until [ \"$(psql \"$DATABASE_URL\" -Atc 'SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()')\" = 1 ]; do sleep 0.1; done", "whimbrel drop --yes --any-environment", 1, "end their connections, or have them ended: `--force`")
        .done("whimbrel drop --yes --any-environment --force", "it is removed").then("whimbrel create", 0).on(Kind::Postgres),
];

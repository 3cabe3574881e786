//! Reads URLs. Decides how a text is cut into parts; its errors name parts and hold none of the text.

use std::collections::HashSet;
use std::path::PathBuf;

use super::authority::{address, authority, port};
use super::error::{Part, UrlError};
use super::percent::{StrayPercent, decode};
use super::tls::Tls;
use super::{DatabaseUrl, Host, HostAddress, Scheme};
use crate::secret::Secret;

const KNOWN: &str = "begin with `postgres://`, `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`";
/// More than any password or list of hosts needs, in bytes; what is longer is something else.
const LONGEST: usize = 32 << 10;
const ONE_PLACE: &str = "say it in one place";

pub(super) fn parse(text: &str) -> Result<DatabaseUrl, UrlError> {
    if text.is_empty() {
        return Err(UrlError::malformed(Part::Whole, "is empty", KNOWN));
    }
    if text.len() > LONGEST {
        let remedy = "write the URL alone, of at most 32 KiB";
        return Err(UrlError::malformed(Part::Whole, "is longer than 32 KiB", remedy));
    }
    if text.contains(char::is_control) {
        let wrong = "contains a control character, as a line break";
        return Err(UrlError::malformed(
            Part::Whole,
            wrong,
            "take it out, or percent-encode it in a password",
        ));
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        let wrong = "has white space around it";
        return Err(UrlError::malformed(Part::Whole, wrong, "take it out, or percent-encode it"));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(UrlError::malformed(Part::Whole, "has no scheme", KNOWN));
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" => Scheme::Postgres,
        "mysql" => Scheme::MySql,
        "mariadb" => Scheme::MariaDb,
        "sqlite" => return sqlite(rest),
        _ => return Err(UrlError::malformed(Part::Scheme, "is not a known one", KNOWN)),
    };
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(UrlError::malformed(Part::Scheme, "is not followed by `//`", KNOWN));
    };
    network(scheme, rest)
}

/// The parts of one way to read a URL after its scheme.
#[derive(Clone, Copy)]
struct Reading<'t> {
    userinfo: Option<&'t str>,
    hosts: &'t str,
    path: Option<&'t str>,
    query: Option<&'t str>,
}

impl<'t> Reading<'t> {
    /// The reading in which the `@` at this place ends user and password; or no `@` does.
    fn at(text: &'t str, at: Option<usize>) -> Self {
        let (userinfo, rest) = match at {
            Some(at) => (Some(&text[..at]), &text[at + 1..]),
            None => (None, text),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        match rest.split_once('/') {
            Some((hosts, path)) => Self { userinfo, hosts, path: Some(path), query },
            None => Self { userinfo, hosts: rest, path: None, query },
        }
    }

    /// Whether it can be meant.
    fn is_sound(&self) -> bool {
        // A host is soon seen to be none, which keeps this linear in a text of many `@`; the user grows with each.
        if !self.may_have_hosts() || authority(self.hosts).is_err() {
            return false;
        }
        let user = self.userinfo.map(|userinfo| userinfo.split_once(':').map_or(userinfo, |(user, _)| user));
        user.is_none_or(|user| !user.contains(['/', '?']))
            && self.path.is_none_or(|path| check_database(path).is_ok())
    }

    /// Whether the hosts have no `@`, but in a socket's directory, which begins percent-encoded.
    fn may_have_hosts(&self) -> bool {
        let before =
            self.hosts.split_once('@').map(|(before, _)| before.rsplit(',').next().unwrap_or(before));
        before.is_none_or(|item| item.starts_with('%'))
    }

    /// Whether every `@` that is left stands in the value of a parameter that is known, where it needs no encoding.
    fn explains_the_rest(&self) -> bool {
        let parameters = self.query.into_iter().flat_map(|query| query.split('&'));
        parameters.filter(|parameter| parameter.contains('@')).all(|parameter| {
            let name = parameter.split_once('=').map(|(name, _)| name);
            name.is_some_and(|name| {
                ["user", "password", "application_name", "options", "host", "dbname"].contains(&name)
            })
        })
    }
}

/// Finds the one way to read the text, or says that there are two.
fn reading(text: &str) -> Result<Reading<'_>, UrlError> {
    let places = std::iter::once(None).chain(text.match_indices('@').map(|(at, _)| Some(at)));
    let mut sound = places.map(|at| Reading::at(text, at)).filter(Reading::is_sound);
    let Some(first) = sound.next() else {
        // None: what is wrong is told of the reading that RFC 3986 has.
        let end = text.find(['/', '?']).unwrap_or(text.len());
        return Ok(Reading::at(text, text[..end].rfind('@')));
    };
    if sound.next().is_some() && !first.explains_the_rest() {
        return Err(UrlError::ambiguous(
            Part::Whole,
            "can be read in two ways, since there is more than one place where the password can end",
            "percent-encode `@`, `/` and `?` in the password as `%40`, `%2F` and `%3F`, and every other `@` that does not \
             end it",
        ));
    }
    Ok(first)
}

fn network(scheme: Scheme, text: &str) -> Result<DatabaseUrl, UrlError> {
    let reading = reading(text)?;
    let mut parts = Parts { scheme, ..Parts::default() };
    if let Some(userinfo) = reading.userinfo {
        let (user, password) = match userinfo.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (userinfo, None),
        };
        if user.contains(['/', '?']) {
            let wrong = "contains a `/` or a `?`";
            return Err(UrlError::malformed(Part::User, wrong, "percent-encode it, as `%2F` or `%3F`"));
        }
        parts.user = plain(user, Part::User)?;
        parts.password = password.map(secret).transpose()?.flatten();
    }
    (parts.hosts, parts.ports) = authority(reading.hosts)?;
    if let Some(path) = reading.path {
        check_database(path)?;
        parts.database = plain(path, Part::Database)?;
    }
    parts.take_query(reading.query)?;
    parts.together()
}

fn sqlite(text: &str) -> Result<DatabaseUrl, UrlError> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let path = match path.strip_prefix("//") {
        // Somebody else's URL with the scheme changed, or a slip of the pen: the path would be shown.
        Some(path) if path.split_once(':').is_some_and(|(_, rest)| rest.contains('@')) => {
            let wrong = "looks like a user, a password and a host, and SQLite has none";
            return Err(UrlError::malformed(
                Part::Path,
                wrong,
                "write `sqlite:` and the path, a `@` in it as `%40`",
            ));
        }
        Some(path) => path,
        None => path,
    };
    let Some(path) = plain(path, Part::Path)? else {
        return Err(UrlError::malformed(Part::Path, "is missing", "write `sqlite:` and the path"));
    };
    let mut parts = Parts { scheme: Scheme::Sqlite, database: Some(path), ..Parts::default() };
    parts.take_query(query)?;
    parts.together()
}

/// What is gathered before it is put together.
struct Parts {
    scheme: Scheme,
    user: Option<String>,
    password: Option<Secret>,
    hosts: Vec<HostAddress>,
    ports: Vec<Option<u16>>,
    database: Option<String>,
    parameters: Vec<(String, Secret)>,
    tls: Tls,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            scheme: Scheme::Postgres,
            user: None,
            password: None,
            hosts: Vec::new(),
            ports: Vec::new(),
            database: None,
            parameters: Vec::new(),
            tls: Tls::default(),
        }
    }
}

impl Parts {
    fn take_query(&mut self, query: Option<&str>) -> Result<(), UrlError> {
        let query = query.filter(|query| !query.is_empty());
        // Digests, since names may be secrets.
        let mut seen = HashSet::new();
        for (index, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
            let part = Part::Parameter(index + 1);
            let Some((name, value)) = parameter.split_once('=') else {
                let remedy = "write name=value, and percent-encode a `&` in a value as `%26`";
                return Err(UrlError::malformed(part, "has no `=`", remedy));
            };
            let name = decode(name, StrayPercent::Refuse).map_err(|error| UrlError::percent(part, error))?;
            if name.is_empty() || name.contains(char::is_control) {
                return Err(UrlError::malformed(part, "has no proper name", "write name=value"));
            }
            if !seen.insert(*blake3::hash(name.as_bytes()).as_bytes()) {
                return Err(UrlError::malformed(
                    part,
                    "has the name of one before it",
                    "leave one of them out",
                ));
            }
            self.take(part, &name, value)?;
        }
        self.tls.check()
    }

    fn take(&mut self, part: Part, name: &str, raw: &str) -> Result<(), UrlError> {
        let network = self.scheme != Scheme::Sqlite;
        let mysql = matches!(self.scheme, Scheme::MySql | Scheme::MariaDb);
        if name == "password" && network {
            let password = secret(raw)?;
            return set(&mut self.password, password, "password");
        }
        if raw.contains('=') {
            let remedy = "percent-encode a `=` in a value as `%3D`, and put `&` between parameters";
            return Err(UrlError::malformed(part, "has a second `=`", remedy));
        }
        let value = decode(raw, StrayPercent::Refuse).map_err(|error| UrlError::percent(part, error))?;
        if value.contains(char::is_control) {
            return Err(UrlError::malformed(part, "contains a control character", "take it out"));
        }
        match name {
            "user" if network => set(&mut self.user, filled(&value), "user"),
            "dbname" if network => set(&mut self.database, filled(&value), "dbname"),
            "host" if network => {
                let hosts: Vec<_> = value
                    .split(',')
                    .enumerate()
                    .map(|(index, host)| address(host, index + 1))
                    .collect::<Result<_, _>>()?;
                self.take_hosts("host", hosts)
            }
            "socket" if mysql => match value.starts_with('/') {
                true => {
                    self.take_hosts("socket", vec![HostAddress::Socket(PathBuf::from(value.as_str()))])?;
                    self.ports.clear();
                    Ok(())
                }
                false => Err(UrlError::malformed(
                    Part::Known("socket"),
                    "is no absolute path",
                    "begin it with `/`",
                )),
            },
            "port" if network => {
                if self.ports.iter().any(Option::is_some) {
                    return Err(UrlError::malformed(
                        Part::Known("port"),
                        "is given a second time",
                        ONE_PLACE,
                    ));
                }
                self.ports = value
                    .split(',')
                    .enumerate()
                    .map(|(index, text)| port(text, index + 1))
                    .collect::<Result<_, _>>()?;
                Ok(())
            }
            // It would be connected to, while another name decides on TLS.
            "hostaddr" if network => Err(UrlError::malformed(
                Part::Known("hostaddr"),
                "is not supported",
                "write the address as the host",
            )),
            "service" | "servicefile" | "passfile" if network => Err(UrlError::malformed(
                part,
                "names a file of libpq's, which is not read",
                "write into the URL what that file says",
            )),
            "password" | "user" => {
                Err(UrlError::malformed(part, "is about a login, and SQLite has none", "leave it out"))
            }
            _ if self.tls.take(self.scheme, name, &value)? => Ok(()),
            _ => {
                self.parameters.push((name.to_owned(), Secret::new(value.as_str())));
                Ok(())
            }
        }
    }

    /// Takes the hosts that a parameter names. Those before the path, which people read, must not be others.
    fn take_hosts(&mut self, name: &'static str, hosts: Vec<HostAddress>) -> Result<(), UrlError> {
        let same = |one: &HostAddress, other: &HostAddress| match (one, other) {
            (HostAddress::Name(one), HostAddress::Name(other)) => one.eq_ignore_ascii_case(other),
            // A socket is this machine's; many URLs name it so.
            (HostAddress::Name(name), HostAddress::Socket(_)) => name.eq_ignore_ascii_case("localhost"),
            (one, other) => one == other,
        };
        let agree = self.hosts.len() == hosts.len() && self.hosts.iter().zip(&hosts).all(|(a, b)| same(a, b));
        if !self.hosts.is_empty() && !agree {
            let wrong = "names another host than the one before the path";
            return Err(UrlError::malformed(Part::Known(name), wrong, ONE_PLACE));
        }
        self.hosts = hosts;
        Ok(())
    }

    fn together(self) -> Result<DatabaseUrl, UrlError> {
        let Self { scheme, user, password, mut hosts, ports, database, parameters, tls } = self;
        if hosts.is_empty() && scheme != Scheme::Sqlite {
            hosts.push(HostAddress::Name("localhost".to_owned()));
        }
        let ports = match ports.as_slice() {
            [] => vec![None; hosts.len()],
            // As libpq has it: one port is every host's.
            [one] => vec![*one; hosts.len()],
            many if many.len() == hosts.len() => ports,
            _ => {
                let remedy = "give one port for all hosts, or one for each";
                return Err(UrlError::malformed(
                    Part::Ports,
                    "has not the length of the list of hosts",
                    remedy,
                ));
            }
        };
        let hosts = hosts.into_iter().zip(ports).map(|(address, port)| Host { address, port }).collect();
        Ok(DatabaseUrl {
            scheme,
            user,
            password,
            hosts,
            database,
            parameters,
            tls,
            default_credentials: false,
        })
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>, name: &'static str) -> Result<(), UrlError> {
    if place.is_some() {
        return Err(UrlError::malformed(Part::Known(name), "is given a second time", ONE_PLACE));
    }
    *place = value;
    Ok(())
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A password; an empty one is none, as in libpq.
fn secret(text: &str) -> Result<Option<Secret>, UrlError> {
    let mut decoded =
        decode(text, StrayPercent::Keep).map_err(|error| UrlError::percent(Part::Password, error))?;
    Ok((!decoded.is_empty()).then(|| Secret::new(std::mem::take(&mut *decoded))))
}

/// A part that is no secret, decoded; an empty one is none.
fn plain(text: &str, part: Part) -> Result<Option<String>, UrlError> {
    let decoded = decode(text, StrayPercent::Refuse).map_err(|error| UrlError::percent(part, error))?;
    if decoded.contains(char::is_control) {
        return Err(UrlError::malformed(part, "contains a control character", "take it out"));
    }
    Ok(filled(&decoded))
}

/// What would be a slip of the pen in a database's name, and might be a password that has got there.
fn check_database(path: &str) -> Result<(), UrlError> {
    match path.contains(['@', '=', '&', '#', ':']) {
        true => Err(UrlError::malformed(
            Part::Database,
            "contains `@`, `=`, `&`, `#` or `:`",
            "percent-encode it, if it belongs to the name; if it belongs to the password, percent-encode that",
        )),
        false => Ok(()),
    }
}

//! Sorts the servers' and the client's errors into the core's classes, and takes values out of their messages.

use mysql_async::{DriverError as ClientError, Error as SqlError, ServerError};
use whimbrel::{DriverError, Error, ErrorClass, ErrorKind};

use crate::grant::remedy;
use crate::refusals::refuses;
use crate::tls::tls_error;

/// What was said of `sql`, the whole packet.
pub(crate) fn driver_error(error: &SqlError, sql: &str) -> DriverError {
    match error {
        SqlError::Server(error) => of_server(error, sql),
        // Nothing was sent, though the client gives the connection up; so it is with the next ones.
        SqlError::Driver(ClientError::PacketTooLarge) => too_large(),
        SqlError::Driver(ClientError::StmtParamsMismatch { required, supplied }) => DriverError::new(
            ErrorClass::Sql,
            format!("the statement takes {required} values, and got {supplied}"),
        ),
        SqlError::Driver(ClientError::LocalInfile(_)) => DriverError::new(
            ErrorClass::Sql,
            "the server asked for a local file (LOAD DATA LOCAL), which a migration cannot have: insert its rows instead",
        ),
        SqlError::Io(error) => DriverError::new(ErrorClass::ConnectionLost, "the connection was lost")
            .with_private(error.to_string()),
        // Whatever it is, the client has given the connection up. It may quote what the server sent.
        _ => DriverError::new(ErrorClass::ConnectionLost, "the client gave the connection up"),
    }
}

/// A packet that the server would not take.
pub(crate) fn too_large() -> DriverError {
    DriverError::new(
        ErrorClass::Sql,
        "a packet is larger than the server's max_allowed_packet: raise that, or split the statement",
    )
}

/// The answer of a connection that was given up.
pub(crate) fn lost() -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, "the connection was given up, since its state was not known")
}

fn of_server(error: &ServerError, sql: &str) -> DriverError {
    let ServerError { code, message, state } = error;
    let (class, quotes) = class_of(*code, state, message);
    let public = if quotes { without_values(*code, message) } else { message.clone() };
    let mut this = DriverError::new(class, public).with_code(code.to_string());
    if quotes {
        this = this.with_private(message.clone());
    }
    if let Some(hint) = remedy(*code, message).filter(|_| class == ErrorClass::Permission) {
        this = this.with_hint(hint);
    }
    match syntax_error_offset(*code, message, sql) {
        Some(offset) => this.with_offset(offset),
        None => this,
    }
}

/// The class of an error, and whether its message may quote values or literals.
///
/// From the error references of MySQL 9.7 (server errors 1000 to 6000) and MariaDB 10.11. Whatever is not named here, nor
/// told by its SQLSTATE, lets nothing be concluded, and its message is not shown.
fn class_of(code: u16, state: &str, message: &str) -> (ErrorClass, bool) {
    use ErrorClass::*;
    let class = match code {
        // Lock wait timeout, of a row or of a table's definition; NOWAIT. The statement alone was taken back.
        1205 | 3572 | 3058 => Busy,
        // MariaDB, reading information_schema in a statement that writes: somebody else is altering a table.
        1684 => Busy,
        // "Table definition has changed, please retry transaction": somebody has just made or altered it.
        1412 => Busy,
        // Deadlock: the whole transaction was taken back. Galera tells its conflicts so, too, at any statement.
        1213 | 1614 | 1020 => Conflict,
        // Unique keys, foreign keys, NOT NULL, checks. The ones that quote the key's value come further down.
        1022 | 1048 | 1169 | 1216 | 1217 | 1451 | 1452 | 1557 | 1761 | 1762 | 3819 | 4025 => Constraint,
        1062 | 1586 | 1859 => return (Constraint, true),
        // The database, a user or privileges: access denied.
        1044 | 1045 | 1095 | 1142 | 1143 | 1227 | 1370 | 1419 | 1698 | 1827 | 3118 => Permission,
        // One message for many options.
        1290 if message.contains("read-only") || message.contains("read_only") => ReadOnly,
        1792 | 1836 => ReadOnly,
        1021 | 1037 | 1038 | 1041 | 1114 | 1206 => Full,
        // "Got error 28 from storage engine", "Error writing file … (Errcode: 28)": no space left.
        3 | 1026 | 1030 if message.contains("28") => Full,
        1033 | 1034 | 1035 | 1194 | 1195 | 1712 | 1877 => Damaged,
        // Too many connections, of a user too; limits of an account; offline mode; a Galera node that is not in sync.
        1040 | 1047 | 1203 | 1226 | 3032 => Unavailable,
        // Shutting down, killed, idle for too long, network errors, a packet too large: the session is over.
        // Galera, at a commit: the server has lost its cluster, and the others may have heard of it.
        1180 if message.contains("Primary Component") => ConnectionLost,
        1053 | 1152 | 1153 | 1154 | 1155 | 1156 | 1158 | 1159 | 1160 | 1161 | 1184 | 1927 | 2006 | 2013
        | 3169 => ConnectionLost,
        // MariaDB has the number for a trigger that a `FOLLOWS` names and that is not there.
        4031 if message.contains("disconnected") => ConnectionLost,
        1568 => InTransaction,
        1305 if message.starts_with("SAVEPOINT") => NoTransaction,
        // The ones below have the SQLSTATE "general error", or one that says less. Objects that are there already, or not:
        1005 | 1006 | 1007 | 1008 | 1010 | 1025 | 1049 | 1050 | 1051 | 1054 | 1060 | 1061 | 1091 | 1109
        | 1146 | 1176 | 1193 | 1304 | 1305 | 1347 | 1356 | 1359 | 1360 | 1396 | 1471 | 1476 | 1507 | 1517
        | 1537 | 1539 | 1540 | 1542 | 3821 | 3822 | 3940 | 4091 | 4092 => Sql,
        // Definitions that cannot be, or not so:
        1059 | 1063 | 1066 | 1067 | 1068 | 1069 | 1070 | 1071 | 1072 | 1073 | 1074 | 1075 | 1089 | 1090
        | 1093 | 1103 | 1110 | 1111 | 1113 | 1117 | 1118 | 1121 | 1136 | 1170 | 1171 | 1215 | 1221 | 1222
        | 1235 | 1239 | 1248 | 1253 | 1267 | 1271 | 1273 | 1295 | 1364 | 1418 | 1422 | 1436 | 1442 | 1446
        | 1450 | 1486 | 1492 | 1493 | 1503 | 1505 | 1506 | 1508 | 1553 | 1701 | 1713 | 1752 | 1763 | 1822
        | 1824 | 1825 | 1826 | 1828 | 1829 | 1830 | 1831 | 1832 | 1833 | 1834 | 1845 | 1846 | 1901 | 1903
        | 1904 | 1905 | 1906 | 1907 | 3105 | 3106 | 3107 | 3108 | 3109 | 3730 | 3734 | 3757 | 3758 | 3762
        | 3763 | 3770 | 3774 | 3776 | 3780 | 3813 | 3814 | 3815 | 3816 | 3823 | 3837 => Sql,
        // Column counts, values out of range or too long: they name the column only.
        1046 | 1052 | 1058 | 1242 | 1264 | 1265 | 1406 => Sql,
        // A value that does not fit; syntax; a user's own error.
        1064 | 1149 | 1231 | 1292 | 1300 | 1366 | 1367 | 1411 | 1525 | 1526 | 1644 | 1645 | 1690 | 3140
        | 3141 | 3854 => {
            return (Sql, true);
        }
        _ if refuses(code) => return (Sql, true),
        _ => {
            let class = match state.get(..2) {
                Some("08") => ConnectionLost,
                Some("23") => Constraint,
                Some("28") => Permission,
                Some("40") => Conflict,
                Some("0A" | "21" | "22" | "42" | "45") => Sql,
                // Interrupted (1317) and out of time (1969, 3024) are among these: what is not transactional may be half
                // done then. So is an error of the commit itself (1180).
                _ => Other,
            };
            return (class, true);
        }
    };
    (class, false)
}

/// A message without the value that it quotes: what stands between the first quote and the last `' for `, which no value
/// can come behind. Other messages are not taken apart.
fn without_values(code: u16, message: &str) -> String {
    if code == 1064 {
        let line = message.rsplit_once("' at line ").and_then(|(_, line)| line.parse::<u32>().ok());
        return line.map_or_else(
            || "syntax error".to_owned(),
            |line| format!("syntax error in line {line} of the statement"),
        );
    }
    if matches!(code, 1062 | 1586 | 1859 | 1366 | 1292 | 1411)
        && let (Some(first), Some(last)) = (message.find('\''), message.rfind("' for "))
        && first < last
    {
        return format!("{} …{}", message[..first].trim_end(), &message[last + 1..]);
    }
    "the database's message may quote values, and is not shown".to_owned()
}

/// Where a syntax error is, if the text that the server quotes stands in the packet once only. MariaDB quotes the beginning of
/// what is left, and ends it with `...` where it was cut off.
fn syntax_error_offset(code: u16, message: &str, sql: &str) -> Option<usize> {
    if code != 1064 {
        return None;
    }
    let near = message.get(message.find("near '")? + "near '".len()..message.rfind("' at line ")?)?;
    let once = |near: &str| {
        let first = sql.find(near)?;
        (!near.is_empty() && sql.rfind(near) == Some(first)).then_some(first)
    };
    // What is cut off may end within a character, for which the server writes a question mark.
    once(near)
        .or_else(|| once(near.strip_suffix("...")?.trim_end_matches(['?', char::REPLACEMENT_CHARACTER])))
}

/// Why no connection came about, and what to do. Neither the options nor the server's words about a login are shown.
pub(crate) fn not_connected(place: &str, error: &SqlError) -> Error {
    use ErrorKind::{Configuration, Retry};
    if let Some((why, next)) = tls_error(error) {
        return Error::new(Configuration, format!("no connection to {place}: {why}")).with_note("next", next);
    }
    let refusing;
    let (kind, why, next) = match error {
        SqlError::Server(ServerError { code, .. }) => match code {
            1044 => (
                Configuration,
                "the user may not use this database",
                "grant the user a right in the database, or name another one",
            ),
            1045 | 1698 => (
                Configuration,
                "user or password is wrong, or the user may not come from this host",
                "check user and password, and from which hosts the account may come",
            ),
            1049 => (Configuration, "there is no such database", "create the database, or name another one"),
            1040 | 1203 | 1226 => (
                Retry,
                "the server has too many connections",
                "wait until connections are free, or raise max_connections or the account's limit",
            ),
            1129 | 1130 => (
                Configuration,
                "the server refuses connections from this host",
                "allow this host with an account for it, or end a block with FLUSH HOSTS",
            ),
            1251 | 2059 => (Configuration, UNKNOWN_LOGIN, "check the user, and how the account logs in"),
            3159 => (
                Configuration,
                "the server wants TLS",
                "ask for it in the URL, as with `sslmode=verify-full`",
            ),
            // MySQL's number, and MariaDB's.
            3118 | 4151 => (Configuration, "the account is locked", "unlock it: ALTER USER … ACCOUNT UNLOCK"),
            1820 | 1862 => {
                (Configuration, "the password has expired", "set a new one: ALTER USER … IDENTIFIED BY …")
            }
            1053 | 3032 => (
                Retry,
                "the server is starting up or shutting down",
                "wait until the server is up, then run again",
            ),
            code => {
                refusing = ["the server refuses with error ", &code.to_string()].concat();
                (Retry, refusing.as_str(), "look the number up in the server's manual, and at its log")
            }
        },
        SqlError::Io(mysql_async::IoError::Io(error)) => match error.kind() {
            std::io::ErrorKind::NotFound => {
                (Configuration, "there is no such socket", "check the path, and that the server runs")
            }
            std::io::ErrorKind::PermissionDenied => {
                (Configuration, "the socket may not be used", "give the process the right to open the socket")
            }
            std::io::ErrorKind::ConnectionRefused => {
                (Retry, "nothing listens there", "check host and port, and that the server runs")
            }
            _ => {
                refusing = error.to_string();
                (Retry, refusing.as_str(), "check the host's name and the network between")
            }
        },
        SqlError::Driver(ClientError::NoClientSslFlagFromServer) => (
            Configuration,
            "the server does not offer TLS",
            "turn TLS on in the server; on a network that nobody else can reach, ask for `sslmode=disable`",
        ),
        // MariaDB answers so, too, for a user that it does not have.
        SqlError::Driver(ClientError::UnknownAuthPlugin { .. } | ClientError::CleartextPluginDisabled) => {
            (Configuration, UNKNOWN_LOGIN, "check the user, and how the account logs in")
        }
        _ => (
            Retry,
            "the client and the server do not understand each other",
            "see that a server of MySQL or MariaDB listens there",
        ),
    };
    let code = match error {
        SqlError::Server(error) => Some(error.code.to_string()),
        _ => None,
    };
    Error::new(kind, format!("no connection to {place}: {why}"))
        .with_code(code.as_deref())
        .with_note("next", next)
}

const UNKNOWN_LOGIN: &str = "the server wants a way to log in that the client does not know";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_is_where_the_quoted_text_begins_also_where_it_was_cut_off() {
        let sql = "CREATE TABLE a (n INT);\nCREATE TABLE b (\n  n INT,\n  m INTT NOT NULL,\n  o INT\n)";
        let at = sql.find("INTT");
        let message = |near: &str| format!("You have an error in your SQL syntax; near '{near}' at line 3");
        assert_eq!(syntax_error_offset(1064, &message("INTT NOT NULL,\n  o INT\n)"), sql), at);
        assert_eq!(syntax_error_offset(1064, &message("INTT NOT NU..."), sql), at);
        assert_eq!(syntax_error_offset(1064, &message("INTT NOT NU?..."), sql), at);
        // It stands there more than once.
        assert_eq!(syntax_error_offset(1064, &message("INT..."), sql), None);
        assert_eq!(syntax_error_offset(1146, &message("INTT"), sql), None);
    }

    #[test]
    fn what_galera_says_is_of_its_class() {
        let class = |code, state, message| class_of(code, state, message).0;
        assert_eq!(class(1047, "08S01", "WSREP has not yet prepared node"), ErrorClass::Unavailable);
        assert_eq!(class(1213, "40001", "Deadlock found"), ErrorClass::Conflict);
        let lost = "Error while appending streaming replication fragment(provider status: Not connected to Primary Component)";
        assert_eq!(class(1180, "HY000", lost), ErrorClass::ConnectionLost);
        assert_eq!(class(1180, "HY000", "Got error 5 during COMMIT"), ErrorClass::Other);
    }

    #[test]
    fn a_number_that_two_products_have_is_told_apart_by_the_message() {
        let class = |message| class_of(4031, "HY000", message).0;
        assert_eq!(
            class("The client was disconnected by the server because of inactivity."),
            ErrorClass::ConnectionLost
        );
        let trigger = "Referenced trigger 'nope' for the given action time and event type does not exist";
        assert_eq!(class(trigger), ErrorClass::Sql);
    }
}

//! The hosts and ports of a URL. Reads them; resolves nothing.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use super::HostAddress;
use super::error::{Part, UrlError};
use super::percent::{StrayPercent, decode};

pub(super) type Addresses = (Vec<HostAddress>, Vec<Option<u16>>);

/// The hosts and ports before the path. None at all is allowed, and a port alone.
pub(super) fn authority(text: &str) -> Result<Addresses, UrlError> {
    if text.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    let alone = !text.contains(',');
    for (index, item) in text.split(',').enumerate() {
        let number = index + 1;
        let (host, digits) = match item.strip_prefix('[') {
            Some(rest) => {
                let Some((inside, after)) = rest.split_once(']') else {
                    return Err(UrlError::malformed(
                        Part::Host(number),
                        "has a `[` without a `]`",
                        "close it",
                    ));
                };
                let after = match after.strip_prefix(':') {
                    Some(digits) => digits,
                    None if after.is_empty() => after,
                    None => {
                        let wrong = "has something other than a port after its `]`";
                        return Err(UrlError::malformed(Part::Host(number), wrong, "write `[address]:port`"));
                    }
                };
                hosts.push(HostAddress::Ip(IpAddr::V6(v6(inside, number)?)));
                ports.push(port(after, number)?);
                continue;
            }
            None => item.split_once(':').unwrap_or((item, "")),
        };
        if host.is_empty() && alone {
            return Ok((hosts, vec![port(digits, number)?]));
        }
        let host = decode(host, StrayPercent::Refuse)
            .map_err(|error| UrlError::percent(Part::Host(number), error))?;
        hosts.push(address(&host, number)?);
        ports.push(port(digits, number)?);
    }
    Ok((hosts, ports))
}

fn v6(text: &str, number: usize) -> Result<Ipv6Addr, UrlError> {
    text.parse().map_err(|_| {
        let remedy = "write one without a zone, as `[::1]`";
        UrlError::malformed(Part::Host(number), "is in brackets and is no IPv6 address", remedy)
    })
}

/// A host, decoded.
pub(super) fn address(text: &str, number: usize) -> Result<HostAddress, UrlError> {
    if text.is_empty() {
        return Err(UrlError::malformed(Part::Host(number), "is empty", "name it, or take out a comma"));
    }
    if text.starts_with('/') {
        return match text.contains(char::is_control) {
            true => {
                Err(UrlError::malformed(Part::Host(number), "contains a control character", "take it out"))
            }
            false => Ok(HostAddress::Socket(PathBuf::from(text))),
        };
    }
    if let Ok(address) = text.parse() {
        return Ok(HostAddress::Ip(address));
    }
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&letter);
    if text.len() > 253 || !text.chars().all(allowed) {
        return Err(UrlError::malformed(
            Part::Host(number),
            "is no host's name",
            "a name has letters, digits, `-`, `_` and `.`; percent-encode the special characters of a password before it, \
             and a socket's directory",
        ));
    }
    Ok(HostAddress::Name(text.to_ascii_lowercase()))
}

/// A port; an empty one is the default.
pub(super) fn port(text: &str, number: usize) -> Result<Option<u16>, UrlError> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(Some(port)),
        _ => Err(UrlError::malformed(
            Part::Port(number),
            "is not a number from 1 to 65535",
            "correct it; if it is part of a password, percent-encode that one's special characters",
        )),
    }
}

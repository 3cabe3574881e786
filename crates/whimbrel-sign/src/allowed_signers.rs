//! The `allowed_signers` of SSH: lines of principals, options and a key. Knows no signature.

use ssh_key::{Algorithm, PublicKey};

use crate::NAMESPACE;
use crate::signer::{Key, Terms, TrustedKey};
use crate::timestamp;

/// The keys, or the number of the first wrong line and what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Vec<TrustedKey>, (usize, String)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| parse_line(line).map_err(|what| (number, what))).collect()
}

fn parse_line(line: &str) -> Result<TrustedKey, String> {
    const FORM: &str = "expected `PRINCIPALS [OPTIONS] ssh-ed25519 KEY`";
    let (names, rest) = principals(line)?;
    // A key's type has neither `=` nor a quote, and is never the name of an option.
    let (terms, key) = match PublicKey::from_openssh(rest) {
        Ok(key) => (Terms::default(), key),
        Err(_) => {
            let (options, rest) = split_options(rest)?;
            let first_word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
            if is_key_type(options) || rest.is_empty() {
                return Err(unusable(options, FORM));
            }
            let terms = parse_options(options)?;
            let key = PublicKey::from_openssh(rest).map_err(|_| unusable(&first_word(rest), FORM))?;
            (terms, key)
        }
    };
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::SkEd25519 => Ok(TrustedKey { names, key: Key::Ssh(key), terms }),
        other => Err(unusable(other.as_str(), FORM)),
    }
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-", "rsa-"].iter().any(|begin| word.starts_with(begin))
}

fn unusable(key_type: &str, form: &str) -> String {
    if key_type.contains("-cert-") {
        "a certificate is no key: name the signer's own key".to_owned()
    } else if matches!(key_type, "ssh-ed25519" | "sk-ssh-ed25519@openssh.com") {
        "the key is damaged: copy it anew from the .pub file".to_owned()
    } else if is_key_type(key_type) {
        format!(
            "keys of type {} cannot be checked: make one with `ssh-keygen -t ed25519`, or leave the line out",
            key_type.escape_debug()
        )
    } else {
        form.to_owned()
    }
}

/// The names that stand first, separated by commas, perhaps in quotes.
fn principals(line: &str) -> Result<(Vec<String>, &str), String> {
    let (names, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("the quote before the principals is not closed")?,
        None => line.split_once([' ', '\t']).unwrap_or((line, "")),
    };
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err("a principal is empty: expected names with commas between them".to_owned());
    }
    if names.iter().any(|name| name == "cert-authority" || name.contains('=')) {
        return Err("an option stands where the signer's name belongs".to_owned());
    }
    if names.iter().any(|name| name.contains(['*', '?']) || name.starts_with('!')) {
        return Err(
            "a pattern does not say whose the key is: name the signer, as `alice@example.com`".to_owned()
        );
    }
    Ok((names, rest.trim_start()))
}

/// Cuts behind the options: at the first white space that is not in quotes.
fn split_options(text: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return Ok((&text[..at], text[at..].trim_start())),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    if quoted { Err("a quote in the options is not closed".to_owned()) } else { Ok((text, "")) }
}

fn parse_options(text: &str) -> Result<Terms, String> {
    let mut terms = Terms::default();
    let mut namespaces = None;
    let mut rest = text;
    loop {
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        let value = match rest.strip_prefix('=') {
            None => None,
            Some(value) => {
                let (value, after) = unquote(value)
                    .ok_or_else(|| format!("the value of {} is not in quotes", shown(&name)))?;
                rest = after;
                Some(value)
            }
        };
        let twice = match (name.as_str(), value) {
            ("cert-authority", _) => {
                return Err(
                    "`cert-authority` is not supported: whom an authority will certify cannot be counted; name \
                     the signers' own keys"
                        .to_owned(),
                );
            }
            ("namespaces", Some(value)) => namespaces.replace(value).is_some(),
            ("valid-after", Some(value)) => terms.valid_after.replace(time(&name, &value)?).is_some(),
            ("valid-before", Some(value)) => terms.valid_before.replace(time(&name, &value)?).is_some(),
            ("namespaces" | "valid-after" | "valid-before", None) => {
                return Err(format!("the option {name} has no value: expected `{name}=\"…\"`"));
            }
            _ => {
                return Err(format!(
                    "unknown option {}: known are `namespaces`, `valid-after` and `valid-before`",
                    shown(&name)
                ));
            }
        };
        if twice {
            return Err(format!("the option {name} stands twice: keep one"));
        }
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.is_empty() => break,
            None => return Err(format!("expected a comma behind the option {name}")),
        };
    }
    if let (Some(after), Some(before)) = (terms.valid_after, terms.valid_before)
        && after >= before
    {
        return Err("`valid-after` is not before `valid-before`: the key could never be used".to_owned());
    }
    terms.elsewhere = namespaces.is_some_and(|namespaces| !allows(&namespaces, NAMESPACE));
    Ok(terms)
}

fn time(name: &str, value: &str) -> Result<i64, String> {
    timestamp::parse(value).map_err(|what| format!("the value of {name} {what}"))
}

/// A text that may be anything, as an error shows it.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("`{}`", short.escape_debug())
}

/// A value in double quotes, in which `\"` is a quote; and what is behind it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with('"') => {
                value.push('"');
                letters.next();
            }
            _ => value.push(letter),
        }
    }
    None
}

/// Whether a list of patterns has the word; one with `!` before it that fits takes it out again.
fn allows(patterns: &str, word: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if fits(pattern.as_bytes(), word.as_bytes()) => return false,
            Some(_) => {}
            None => found |= fits(pattern.as_bytes(), word.as_bytes()),
        }
    }
    found
}

/// `*` is any text, `?` any letter.
fn fits(pattern: &[u8], word: &[u8]) -> bool {
    // For each beginning of the word, whether the pattern so far fits it: a pattern of many stars costs no more.
    let mut so_far = vec![false; word.len() + 1];
    so_far[0] = true;
    for &letter in pattern {
        if letter == b'*' {
            let from = so_far.iter().position(|fits| *fits).unwrap_or(so_far.len());
            so_far[from..].fill(true);
        } else {
            for at in (1..so_far.len()).rev() {
                so_far[at] = so_far[at - 1] && (letter == b'?' || letter == word[at - 1]);
            }
            so_far[0] = false;
        }
    }
    so_far[word.len()]
}

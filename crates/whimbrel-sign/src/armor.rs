//! Cuts `whimbrel.sum.sig` into signatures. Knows how they begin and end; checks none.

use whimbrel::layout::SIGNATURE_LIMIT;

use crate::minisign::MinisignSignature;
use crate::ssh::{self, SshSignature};

/// The most signatures in one file.
const MOST: usize = 32;

/// What is wrong with the file: the line, and a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// A signature, and the line where it begins.
pub(crate) struct Block {
    pub(crate) line: usize,
    pub(crate) signature: Signature,
}

pub(crate) enum Signature {
    Ssh(SshSignature),
    Minisign(MinisignSignature),
    /// SSH's, by a key of a type that is not checked here.
    Unsupported,
}

fn malformed<T>(line: usize, what: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed { line, what: what.into() })
}

/// All signatures of a file, in their order; what is none of them is an error.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Block>, Malformed> {
    if bytes.len() as u64 > SIGNATURE_LIMIT {
        return malformed(1, format!("the file is too long: it may have {SIGNATURE_LIMIT} bytes"));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            return malformed(before.iter().filter(|byte| **byte == b'\n').count() + 1, "this is not text");
        }
    };
    let lines: Vec<&str> = lines(text);
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        let number = at + 1;
        if line.is_empty() {
            at += 1;
            continue;
        }
        if blocks.len() == MOST {
            return malformed(number, format!("there are too many signatures: there may be {MOST}"));
        }
        let signature;
        if line == ssh::BEGIN {
            let Some(length) = lines[at + 1..].iter().position(|line| line.starts_with('-')) else {
                return malformed(number, format!("this signature has no end: expected `{}`", ssh::END));
            };
            let end = at + 1 + length;
            if lines[end] != ssh::END {
                return malformed(end + 1, format!("expected `{}`", ssh::END));
            }
            let read = SshSignature::parse(&lines[at + 1..end]).or_else(|what| malformed(number, what))?;
            signature = read.map_or(Signature::Unsupported, Signature::Ssh);
            at = end + 1;
        } else if line.starts_with("untrusted comment:") {
            let Some(&[first, second, third, fourth]) = lines.get(at..at + 4) else {
                return malformed(number, "a minisign signature has four lines");
            };
            let read = MinisignSignature::parse([first, second, third, fourth]);
            signature = Signature::Minisign(read.or_else(|what| malformed(number, what))?);
            at += 4;
        } else {
            return malformed(
                number,
                format!("this is no signature: expected `{}`, or `untrusted comment: …`", ssh::BEGIN),
            );
        }
        blocks.push(Block { line: number, signature });
    }
    if blocks.is_empty() { malformed(1, "there is no signature in it") } else { Ok(blocks) }
}

/// The lines; one ends with LF, or CRLF, and a CR alone is a letter.
fn lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> =
        text.split_inclusive('\n').map(|line| line.strip_suffix('\n').map_or(line, without_cr)).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

fn without_cr(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

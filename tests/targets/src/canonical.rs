//! The canonical text of a file.

use whimbrel::canonical_text;

use crate::Target;
use crate::corpus;
use crate::large::repeated;

pub(crate) const TARGET: Target = Target {
    name: "canonical",
    check,
    seeds: || {
        let mut seeds = corpus::files(&["migrations-fixtures"], &[".sql", ".rust", ".sum"]);
        seeds.extend(
            [&b"\xef\xbb\xbf\xef\xbb\xbfa\r\r\n"[..], b"a\r\nb\rc\n\xff", b"\r\n\r\r\n", b"\xef\xbb"]
                .map(<[u8]>::to_vec),
        );
        seeds
    },
    words: &["\r\n", "\r", "\n", "\u{feff}", "\u{e9}", "\u{1f986}"],
    large: |size| {
        vec![
            ("line ends", repeated(size, "", "\r\n", "")),
            ("returns", repeated(size, "", "\r", "\n")),
            ("marks", repeated(size, "", "\u{feff}", "a")),
            ("a last byte that is no text", [repeated(size, "", "a\n", ""), vec![0xff]].concat()),
        ]
    },
    longest: 1 << 10,
};

fn check(bytes: &[u8]) {
    match canonical_text(bytes.to_vec()) {
        Ok(text) => {
            assert!(!text.contains("\r\n") && !text.starts_with('\u{feff}'), "not canonical: {text:?}");
            assert_eq!(canonical_text(text.clone().into_bytes()).as_ref(), Ok(&text), "not the same twice");
            // Nothing but marks and carriage returns was taken out.
            let rest =
                |text: &str| text.chars().filter(|it| !matches!(it, '\r' | '\u{feff}')).collect::<String>();
            let whole = String::from_utf8_lossy(bytes);
            assert_eq!(rest(&text), rest(&whole), "something else is gone: {whole:?}");
            // A line end may be written either way.
            let other = text.replace('\n', "\r\n");
            assert_eq!(
                canonical_text(other.into_bytes()).as_ref().map(|it| it.len() <= text.len()),
                Ok(true)
            );
        }
        Err(error) => {
            assert!(std::str::from_utf8(bytes).is_err(), "text is refused");
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            assert!(error.line as usize <= lines + 1 && error.column >= 1, "a place outside: {error}");
        }
    }
}

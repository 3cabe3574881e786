//! The manifest `whimbrel.sum`, and its conflicts.

use whimbrel::{Manifest, ManifestSides};

use crate::large::{numbered, repeated};
use crate::quoted::is_one_line;
use crate::{Target, corpus};

pub(crate) const TARGET: Target = Target {
    name: "manifest",
    check,
    seeds,
    words: &[
        "whimbrel-sum 1\n",
        "set app\n",
        "file ",
        "former ",
        "tombstone ",
        "head ",
        "repeatables ",
        " revision=1",
        "\n",
        "\r\n",
        "#",
        DIGEST,
        "0001_a.sql",
        "0001_a.down.sql",
        "0001_a.rust",
        "R__b.sql",
        "c/",
        "..",
        "<<<<<<< ours\n",
        "||||||| base\n",
        "=======\n",
        ">>>>>>> theirs\n",
        "<<<<<<<<<\n",
        " a reason",
    ],
    large,
    longest: 1 << 12,
};

const DIGEST: &str = "b3v1:0000000000000000000000000000000000000000000000000000000000000000";
const OTHER: &str = "b3v1:1111111111111111111111111111111111111111111111111111111111111111";

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds =
        corpus::files(&["migrations-fixtures", "crates/whimbrel-sign/tests/fixtures"], &["whimbrel.sum"]);
    let side = |digest: &str| {
        format!(
            "file {digest} 0002_b.sql\nfile {digest} R__v.sql revision=2\nrepeatables {digest}\nhead {digest}\n"
        )
    };
    let begin = format!(
        "whimbrel-sum 1\nset app\nfile {DIGEST} 0001_a.sql\nformer 1 {OTHER} why\ntombstone 9 {OTHER} gone\n"
    );
    seeds.push(format!("{begin}<<<<<<< o\n{}=======\n{}>>>>>>> t\n", side(DIGEST), side(OTHER)).into_bytes());
    seeds.push(
        format!(
            "{begin}<<<<<<< o\n{}||||||| b\nhead {DIGEST}\n=======\n{}>>>>>>> t\n",
            side(DIGEST),
            side(OTHER)
        )
        .into_bytes(),
    );
    seeds.push(format!("{begin}{}{}", side(DIGEST), side(OTHER)).into_bytes());
    seeds
}

fn large(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let begin = "whimbrel-sum 1\nset app\n";
    let end = format!("repeatables {DIGEST}\nhead {DIGEST}\n");
    let files = |digest: &'static str, size| {
        String::from_utf8(numbered(size, "", |at| format!("file {digest} {at}_a.sql\n"), ""))
            .unwrap_or_default()
    };
    let formers = |size| {
        String::from_utf8(numbered(size, "", |at| format!("former {at} {OTHER} why\n"), ""))
            .unwrap_or_default()
    };
    let conflict = |ours: String, theirs: String| {
        format!("{begin}<<<<<<< o\n{ours}{end}=======\n{theirs}{end}>>>>>>> t\n").into_bytes()
    };
    vec![
        ("files", numbered(size, begin, |at| format!("file {DIGEST} {at}_a.sql\n"), &end)),
        ("formers", numbered(size, begin, |at| format!("former {at} {DIGEST} why\n"), &end)),
        ("changed on both sides", conflict(files(DIGEST, size / 2), files(OTHER, size / 2))),
        ("changed on both sides, with formers", {
            let quarter = size / 4;
            conflict(files(DIGEST, quarter) + &formers(quarter), files(OTHER, quarter) + &formers(quarter))
        }),
        (
            "removed on one side",
            conflict(files(DIGEST, size / 2), {
                String::from_utf8(numbered(size / 2, "", |at| format!("tombstone {at} {OTHER} gone\n"), ""))
                    .unwrap_or_default()
            }),
        ),
        (
            "names of one version",
            conflict(
                String::from_utf8(numbered(size, "", |at| format!("file {DIGEST} f{at}/1_a{at}.sql\n"), ""))
                    .unwrap_or_default(),
                String::new(),
            ),
        ),
        ("markers", repeated(size, begin, "<<<<<<< o\n=======\n>>>>>>> t\n", &end)),
        ("a long path", repeated(size, &format!("{begin}file {DIGEST} "), "a/", &format!("1_a.sql\n{end}"))),
    ]
}

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<Manifest>() {
        Ok(manifest) => {
            same_again(&manifest);
            assert_eq!(ManifestSides::parse(&text).map_err(|error| error.to_string()), Ok(None), "{text:?}");
        }
        Err(error) => {
            is_one_line(&error.to_string());
            assert!(error.line() as usize <= text.lines().count() + 1, "a place outside: {text:?}");
        }
    }
    match ManifestSides::parse(&text) {
        Ok(Some(sides)) => {
            same_again(&sides.united());
            if let Ok(merged) = sides.merged() {
                same_again(&merged);
                let turned =
                    ManifestSides::new(sides.base().cloned(), sides.theirs().clone(), sides.ours().clone());
                let files = |manifest: &Manifest| {
                    manifest.files().iter().map(|file| (file.path.clone(), file.digest)).collect::<Vec<_>>()
                };
                let other = turned.merged().map(|other| files(&other));
                assert_eq!(other, Ok(files(&merged)), "the sides' order matters: {text:?}");
            }
        }
        Ok(None) => {}
        Err(error) => is_one_line(&error.to_string()),
    }
}

fn same_again(manifest: &Manifest) {
    let text = manifest.to_string();
    match text.parse::<Manifest>() {
        Ok(again) => {
            assert_eq!(again, *manifest, "read again it is another: {text:?}");
            assert_eq!(again.to_string(), text);
        }
        Err(error) => panic!("what is written cannot be read: {error}: {text:?}"),
    }
}

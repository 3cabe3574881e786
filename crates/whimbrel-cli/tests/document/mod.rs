//! The examples that are files, read as YAML, and the command lines in them. Knows not what they are for.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, Yaml};

/// The folder of the examples.
pub(crate) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The text of an example.
pub(crate) fn read(name: &str) -> String {
    let path = examples().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The one document of a file.
pub(crate) fn parsed<'t>(name: &str, text: &'t str) -> Yaml<'t> {
    let mut documents = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(documents.len(), 1, "{name}: one document was expected");
    documents.remove(0)
}

/// What a path of keys and numbers leads to: `spec.template.spec.containers.0`.
pub(crate) fn at<'y>(root: &'y Yaml<'y>, path: &str) -> Option<&'y Yaml<'y>> {
    path.split('.').try_fold(root, |node, part| match part.parse::<usize>() {
        Ok(index) => node.as_sequence_get(index),
        Err(_) => node.as_mapping_get(part),
    })
}

/// The text that a path leads to.
pub(crate) fn text<'y>(root: &'y Yaml<'y>, path: &str) -> &'y str {
    at(root, path).and_then(Yaml::as_str).unwrap_or_else(|| panic!("there is no text at `{path}`"))
}

/// The items that a path leads to; none where it leads nowhere.
pub(crate) fn items<'y>(root: &'y Yaml<'y>, path: &str) -> &'y [Yaml<'y>] {
    at(root, path).and_then(Yaml::as_vec).map(Vec::as_slice).unwrap_or_default()
}

/// Every text in it, keys too.
pub(crate) fn texts<'y>(node: &'y Yaml<'y>) -> Vec<&'y str> {
    match node {
        Yaml::Mapping(mapping) => {
            mapping.iter().flat_map(|(key, value)| [texts(key), texts(value)].concat()).collect()
        }
        Yaml::Sequence(items) => items.iter().flat_map(texts).collect(),
        Yaml::Alias(_) | Yaml::BadValue => panic!("an alias, or what was not understood"),
        node => node.as_str().into_iter().collect(),
    }
}

/// The words of a command line, as a shell would have them; nothing else of a shell may stand in it.
pub(crate) fn words(line: &str) -> Vec<String> {
    assert!(!line.contains(['|', ';', '&', '<', '>', '`', '\\', '\'']), "too much of a shell: {line}");
    line.split_whitespace().map(|word| word.replace('"', "")).collect()
}

/// The command lines of `whimbrel` in an example.
pub(crate) fn commands(name: &str) -> Vec<Vec<String>> {
    let source = read(name);
    if name.ends_with(".md") {
        let lines = source.lines().map(|line| line.trim_start_matches("$ "));
        return lines.filter(|line| line.starts_with("whimbrel ")).map(words).collect();
    }
    let document = parsed(name, &source);
    let mut found = Vec::new();
    gather(&document, &mut found);
    found
}

/// A list of words that begins with the program, or a text with a line that does.
pub(crate) fn gather(node: &Yaml<'_>, found: &mut Vec<Vec<String>>) {
    match node {
        Yaml::Mapping(mapping) => mapping.values().for_each(|value| gather(value, found)),
        Yaml::Sequence(items) if items.first().and_then(Yaml::as_str) == Some("whimbrel") => {
            found.push(items.iter().map(|item| item.as_str().expect("a word").to_owned()).collect());
        }
        Yaml::Sequence(items) => items.iter().for_each(|item| gather(item, found)),
        node => {
            let lines = node.as_str().unwrap_or_default().lines();
            found.extend(lines.filter(|line| line.trim_start().starts_with("whimbrel ")).map(words));
        }
    }
}

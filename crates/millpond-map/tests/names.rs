//! `docs/map-api.md` lists what of std's and hashbrown's interface is here: held to the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The methods of each type, as `hash_map::Entry`.
type Methods = BTreeMap<String, BTreeSet<String>>;

/// The folder whose types a module of ours exports.
const MODULES: [(&str, &str); 3] = [
    ("map", "hash_map"),
    ("set", "hash_set"),
    ("table", "hash_table"),
];

/// The programs that swap their `use` line, for each part of the page that they have to call.
const PROGRAMS: [(&str, &[&str]); 3] = [
    ("## Stable in std", &["program.rs", "std_only.rs"]),
    ("## Beyond it", &["hashbrown_only.rs"]),
    ("## With feature `rayon`", &["../rayon.rs"]),
];

fn page() -> String {
    fs::read_to_string(manifest().join("../../docs/map-api.md")).expect("the page")
}

#[test]
fn every_name_that_is_listed_is_here_and_no_absent_one_is() {
    let page = page();
    let (here, absent) = page
        .split_once("## Absent")
        .expect("a part about absent names");
    let methods = methods();
    let mut faults = Vec::new();
    let mut listed = 0;
    for (kind, names) in rows(here) {
        let known = methods
            .get(kind)
            .unwrap_or_else(|| panic!("no type {kind}"));
        for name in names {
            listed += 1;
            if !known.contains(name) {
                faults.push(format!("{kind}::{name} is listed and missing"));
            }
        }
    }
    for (kind, names) in rows(absent) {
        for name in names.iter().take(1) {
            if methods.get(kind).is_some_and(|known| known.contains(*name)) {
                faults.push(format!("{kind}::{name} is here and listed as absent"));
            }
        }
    }
    assert!(faults.is_empty(), "\n  {}", faults.join("\n  "));
    assert!(listed > 200, "{listed} names: the page is not what it was");
}

#[test]
fn every_name_that_is_here_is_listed() {
    let page = page();
    let mut listed = Methods::new();
    for (kind, names) in rows(&page) {
        let known = listed.entry(kind.to_owned()).or_default();
        known.extend(names.into_iter().map(str::to_owned));
    }
    let mut faults = Vec::new();
    for (kind, names) in methods() {
        // Types of ours that neither std nor hashbrown has are not what the page is about.
        let Some(listed) = listed.get(&kind) else {
            continue;
        };
        for name in names.difference(listed) {
            faults.push(format!("{kind}::{name} is here and not listed"));
        }
    }
    assert!(faults.is_empty(), "\n  {}", faults.join("\n  "));
}

#[test]
fn every_name_of_others_that_is_listed_is_called() {
    let page = page();
    let mut faults = Vec::new();
    for (heading, programs) in PROGRAMS {
        let (_, part) = page.split_once(heading).expect("the part");
        let part = part.split("\n## ").next().unwrap_or_default();
        let said: String = programs
            .iter()
            .map(|file| fs::read_to_string(manifest().join("tests/std_swap").join(file)))
            .map(|source| source.expect("a program"))
            .collect();
        for (kind, names) in rows(part) {
            let uncalled = names.iter().filter(|name| !is_called(name, &said));
            faults.extend(uncalled.map(|name| format!("{kind}::{name} is in no program")));
        }
    }
    assert!(faults.is_empty(), "\n  {}", faults.join("\n  "));
}

/// Tells whether `name` is called anywhere in `source`, on whatever type.
fn is_called(name: &str, source: &str) -> bool {
    source.match_indices(name).any(|(at, _)| {
        let before = source[..at].ends_with(['.', ':']);
        let after = &source[at + name.len()..];
        before && (after.starts_with('(') || after.starts_with("::<"))
    })
}

fn manifest() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the type and the names of each row of a table that begins with a type.
fn rows(text: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    text.lines().filter_map(|line| {
        let mut words = line.strip_prefix("| `")?.split('`').step_by(2);
        let kind = words.next().filter(|kind| kind.contains("::"))?;
        Some((kind, words.filter(|name| !name.trim().is_empty()).collect()))
    })
}

/// Collects the public inherent methods of every type that the modules export.
fn methods() -> Methods {
    let mut all = Methods::new();
    let mut files = vec![manifest().join("src")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of sources");
            files.extend(entries.map(|entry| entry.expect("an entry").path()));
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source");
        collect(module_of(&path), &source, &mut all);
    }
    all
}

/// Returns the module that exports the types of a file: maps get methods in other folders, too.
fn module_of(path: &Path) -> &'static str {
    let folders: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    let of = |(folder, _): &&(&str, &str)| folders.contains(folder);
    MODULES
        .iter()
        .find(of)
        .map_or("hash_map", |(_, module)| module)
}

/// Adds the methods of inherent `impl` blocks, which start and end in the first column.
fn collect(module: &str, source: &str, all: &mut Methods) {
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("impl") {
            continue;
        }
        let mut header = line.to_owned();
        while !header.contains('{') && !header.ends_with("where") {
            header.push_str(lines.next().expect("an impl has a body").trim());
        }
        // Past the generics of the impl itself.
        let (mut depth, mut from) = (0, 4);
        for (at, letter) in header.char_indices().skip(4) {
            depth += i32::from(letter == '<') - i32::from(letter == '>');
            if depth == 0 {
                from = at + 1;
                break;
            }
        }
        let subject = header[from..].trim();
        if subject.contains(" for ") {
            continue;
        }
        let name: String = subject
            .chars()
            .take_while(|c| c.is_alphanumeric())
            .collect();
        let elsewhere = ["HashMap", "HashSet", "HashTable"].iter().zip(MODULES);
        let module = elsewhere
            .filter(|(kind, _)| **kind == name)
            .map(|(_, (_, module))| module)
            .next()
            .unwrap_or(module);
        let methods = all.entry(format!("{module}::{name}")).or_default();
        let mut is_hidden = false;
        for line in lines.by_ref().take_while(|line| *line != "}") {
            is_hidden |= line == "    #[doc(hidden)]";
            let Some(rest) = line.strip_prefix("    pub ") else {
                continue;
            };
            if std::mem::take(&mut is_hidden) {
                continue;
            }
            if let Some((_, rest)) = rest.split_once("fn ") {
                let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
                methods.insert(rest.chars().take_while(is_word).collect());
            }
        }
    }
}

#![forbid(unsafe_code)]
//! Whoever takes `millpond` can have all that its crates have: each of their features is one
//! of its own, is named in its README, and is checked alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that the facade re-exports.
const MEMBERS: [&str; 4] = [
    "millpond-arena",
    "millpond-map",
    "millpond-observe",
    "millpond-pool",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The features of a crate, each with what it turns on; not the default.
fn features(package: &str) -> Vec<(String, Vec<String>)> {
    let path = root().join("crates").join(package).join("Cargo.toml");
    let text = fs::read_to_string(path).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("a manifest is TOML");
    let features = manifest.get("features").and_then(toml::Value::as_table);
    let entries = features.into_iter().flatten();
    let named = entries.filter(|(name, _)| *name != "default");
    let enables = |value: &toml::Value| {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(|entry| entry.as_str().map(str::to_owned))
            .collect()
    };
    named
        .map(|(name, value)| (name.clone(), enables(value)))
        .collect()
}

#[test]
fn each_feature_of_a_member_is_one_of_the_facade() {
    let facade = features("millpond");
    let mut seen = 0;
    for member in MEMBERS {
        for (feature, _) in features(member) {
            let hands_on = [
                format!("{member}/{feature}"),
                format!("{member}?/{feature}"),
            ];
            let (_, enables) = facade
                .iter()
                .find(|(name, _)| *name == feature)
                .unwrap_or_else(|| panic!("millpond has no feature {feature}, {member} has"));
            assert!(
                enables.iter().any(|enabled| hands_on.contains(enabled)),
                "{feature} of millpond does not turn on {}",
                hands_on[0]
            );
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn each_feature_of_the_facade_is_explained_and_checked_alone() {
    let readme = fs::read_to_string(root().join("crates/millpond/README.md")).expect("a README");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: BTreeSet<&str> = rows
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|cell| cell.split(['`', ',', ' ']))
        .filter(|name| !name.is_empty())
        .collect();
    let script = fs::read_to_string(root().join(".ci/quick.sh")).expect("a script");
    let list = script
        .split_once("for feature in ")
        .and_then(|(_, rest)| rest.split_once(';'));
    let words = list.expect("a list").0.split_whitespace();
    let checked: BTreeSet<&str> = words.filter(|word| *word != "\\").collect();
    let features = features("millpond");
    let all: BTreeSet<&str> = features.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(named, all, "the table of crates/millpond/README.md");
    assert_eq!(checked, all, "the list of .ci/quick.sh");
}

#![forbid(unsafe_code)]
//! Holds the fences: who may depend on whom, where unsafe may stand, how long a
//! file may grow. Reads the sources and manifests of the whole workspace.
//!
//! A fence may be moved. Then the line that moves here, or in `docs/unsafe.md`,
//! is the line that a reviewer looks at.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a shipping crate, and the testkit, may depend on: all of it and nothing else.
///
/// Crates of ours come from lower floors only; outside crates are those that
/// carry this crate's weight. loom stands in for atomics in models only.
struct Row {
    package: &'static str,
    floor: u8,
    ours: &'static [&'static str],
    outside: &'static [&'static str],
}

const TABLE: &[Row] = &[
    Row {
        package: "millpond-arena",
        floor: 1,
        ours: &[],
        outside: &["allocator-api2", "libc", "loom", "once_cell"],
    },
    Row {
        package: "millpond-pool",
        floor: 1,
        ours: &[],
        outside: &[
            // By feature: `Recycle` for their types, and a maintainer as a task.
            "bumpalo",
            "bytes",
            "crossbeam-queue",
            "crossbeam-utils",
            // One system call, on Linux: the barrier that makes takes plain.
            "libc",
            "loom",
            "once_cell",
            "parking_lot",
            "tokio",
        ],
    },
    Row {
        package: "millpond-derive",
        floor: 1,
        ours: &[],
        outside: &["proc-macro2", "quote", "syn"],
    },
    Row {
        package: "millpond-map",
        floor: 2,
        ours: &["millpond-arena", "millpond-derive", "millpond-pool"],
        outside: &[
            "allocator-api2",
            "arc-swap",
            "bumpalo",
            "equivalent",
            "foldhash",
            "loom",
            // Says that a process's seed was drawn.
            "once_cell",
            "parking_lot",
            // Where those sleep who wait for a shard.
            "parking_lot_core",
            // By feature, off by default.
            "axum-core",
            "bytes",
            "http",
            "http-body",
            "rayon",
            "serde_core",
        ],
    },
    Row {
        package: "millpond-observe",
        floor: 3,
        ours: &["millpond-arena", "millpond-map", "millpond-pool"],
        outside: &[
            "axum",
            "hyper",
            "hyper-util",
            "metrics",
            "opentelemetry",
            "parking_lot",
            "prometheus-client",
            "serde",
            "serde_json",
            "tokio",
            "tracing",
        ],
    },
    Row {
        package: "millpond-exit-report",
        floor: 4,
        ours: &["millpond-observe"],
        outside: &[],
    },
    Row {
        package: "millpond",
        floor: 5,
        ours: &[
            "millpond-arena",
            "millpond-exit-report",
            "millpond-map",
            "millpond-observe",
            "millpond-pool",
        ],
        outside: &[],
    },
    Row {
        package: "millpond-preload",
        floor: 2,
        ours: &["millpond-arena"],
        outside: &["libc"],
    },
    Row {
        package: "millpond-testkit",
        floor: 0,
        ours: &[],
        outside: &["allocator-api2", "proptest"],
    },
];

/// The most lines that a source file may have. At about 400, look for the two
/// ideas in it.
const MAX_LINES: usize = 600;

/// The only door to the operating system's memory.
const OS_DOOR: &str = "crates/millpond-arena/src/os";

#[test]
fn each_crate_depends_on_what_its_row_names() {
    let mut faults = Vec::new();
    for package in packages() {
        let name = package.name();
        let Some(row) = TABLE.iter().find(|row| row.package == name) else {
            faults.push(format!(
                "{name} has no row in TABLE: add one, with its floor"
            ));
            continue;
        };
        let named: BTreeSet<&str> = row.ours.iter().chain(row.outside).copied().collect();
        let found = package.dependencies();
        for extra in found.iter().filter(|found| !named.contains(found.as_str())) {
            faults.push(format!(
                "{name} depends on {extra}: drop it, or add it to TABLE"
            ));
        }
        for stale in named.iter().filter(|named| !found.contains(**named)) {
            faults.push(format!(
                "{name} no longer depends on {stale}: take it out of TABLE"
            ));
        }
    }
    report(&faults);
}

#[test]
fn dependencies_point_to_lower_floors() {
    let floor = |name: &str| {
        TABLE
            .iter()
            .find(|row| row.package == name)
            .map(|row| row.floor)
    };
    let mut faults = Vec::new();
    for row in TABLE {
        for below in row.ours {
            match floor(below) {
                Some(floor) if floor < row.floor && *below != "millpond-testkit" => {}
                _ => faults.push(format!(
                    "{} may not depend on {below}: siblings do not know each other, and the \
                     testkit is for dev-dependencies; invert it with a hook",
                    row.package
                )),
            }
        }
    }
    report(&faults);
}

#[test]
fn every_package_takes_lints_and_versions_from_the_workspace() {
    let mut faults = Vec::new();
    for package in packages()
        .into_iter()
        .chain(["benches", "benches/alloc", "examples"].map(Package::at))
    {
        let inherits = |section: &str, key: &str| {
            let value = package
                .manifest
                .get(section)
                .and_then(|section| section.get(key));
            value.and_then(|value| {
                value
                    .as_bool()
                    .or_else(|| value.get("workspace")?.as_bool())
            }) == Some(true)
        };
        for (section, key) in [
            ("lints", "workspace"),
            ("package", "edition"),
            ("package", "rust-version"),
            ("package", "version"),
            ("package", "license"),
        ] {
            if !inherits(section, key) {
                faults.push(format!(
                    "{}: [{section}] {key} must come from the workspace",
                    package.name()
                ));
            }
        }
    }
    report(&faults);
}

#[test]
fn unsafe_stands_only_where_docs_unsafe_lists_it() {
    let listed = listed_in_docs_unsafe();
    let sources = sources();
    let mut faults = Vec::new();
    for file in &listed {
        match sources.iter().find(|source| source.path == *file) {
            None => faults.push(format!("docs/unsafe.md lists {file}, which does not exist")),
            Some(source) if !source.uses_unsafe() => faults.push(format!(
                "{file} has no unsafe any more: take it out of docs/unsafe.md and forbid it there"
            )),
            Some(_) => {}
        }
    }
    let doors: Vec<&Source> = sources
        .iter()
        .filter(|source| source.uses_unsafe())
        .collect();
    for door in doors.iter().filter(|door| !listed.contains(&door.path)) {
        faults.push(format!(
            "{} uses unsafe: move it behind a door that docs/unsafe.md lists, or add a row there \
             that says what danger passes",
            door.path
        ));
    }
    for source in sources
        .iter()
        .filter(|source| source.path.starts_with("crates/"))
    {
        let file = &source.path;
        let above_a_door = doors.iter().any(|door| parents(&door.path).contains(file));
        let below_a_fence = sources
            .iter()
            .any(|other| other.forbids_unsafe() && parents(file).contains(&other.path));
        let fenced = source.forbids_unsafe() || below_a_fence;
        if !source.uses_unsafe() && !above_a_door && !fenced {
            faults.push(format!(
                "{file} needs no unsafe: open it with #![forbid(unsafe_code)]"
            ));
        }
    }
    report(&faults);
}

#[test]
fn no_crate_installs_a_global_allocator() {
    let faults: Vec<String> = sources()
        .iter()
        .filter(|source| source.path.starts_with("crates/"))
        .filter(|source| {
            source
                .code()
                .any(|line| line.contains("#[global_allocator]"))
        })
        .map(|source| {
            format!(
                "{} installs an allocator: that line is the user's",
                source.path
            )
        })
        .collect();
    report(&faults);
}

#[test]
fn only_the_os_door_asks_the_system_for_memory() {
    let calls = ["mmap(", "munmap(", "madvise(", "mremap(", "mprotect("];
    let faults: Vec<String> = sources()
        .iter()
        .filter(|source| source.path.starts_with("crates/") && !source.path.starts_with(OS_DOOR))
        .filter(|source| {
            source
                .code()
                .any(|line| calls.iter().any(|call| line.contains(call)))
        })
        .map(|source| {
            format!(
                "{} talks to the system about memory: go through {OS_DOOR}",
                source.path
            )
        })
        .collect();
    report(&faults);
}

#[test]
fn the_arena_cannot_reach_the_global_allocator() {
    let words = [
        "extern crate alloc",
        "alloc::alloc(",
        "Box::new",
        "Vec::new",
        "vec![",
        "format!",
    ];
    let faults: Vec<String> = sources()
        .iter()
        .filter(|source| source.path.starts_with("crates/millpond-arena/src"))
        .flat_map(|source| {
            let shipped = source
                .code()
                .take_while(|line| !line.contains("#[cfg(test)]"));
            let shipped: Vec<&str> = shipped
                .take_while(|line| line.trim() != "#[test]")
                .collect();
            words
                .iter()
                .filter(move |word| shipped.iter().any(|line| line.contains(**word)))
                .map(|word| {
                    format!(
                        "{} says {word}: the arena is what answers that call",
                        source.path
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect();
    report(&faults);
}

#[test]
fn every_fatal_message_is_explained() {
    let page = fs::read_to_string(root().join("docs/errors.md")).expect("docs/errors.md");
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.path.ends_with("/fatal.rs"))
    {
        let messages = source
            .code()
            .filter_map(|line| line.split_once("\"millpond: fatal: "));
        for message in messages.filter_map(|(_, rest)| rest.split(['"', '\\']).next()) {
            if !page.contains(&format!("| `{message}` |")) {
                faults.push(format!("docs/errors.md does not explain `{message}`"));
            }
        }
    }
    report(&faults);
}

#[test]
fn no_source_file_outgrows_its_idea() {
    let faults: Vec<String> = sources()
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|&(_, lines)| lines > MAX_LINES)
        .map(|(source, lines)| {
            format!(
                "{} has {lines} lines, {MAX_LINES} at most: part its two ideas",
                source.path
            )
        })
        .collect();
    report(&faults);
}

#[test]
fn the_fence_itself_sees_what_it_should() {
    let source = |text: &str| Source {
        path: String::new(),
        text: text.to_owned(),
    };
    assert!(source("let x = unsafe { *p };").uses_unsafe());
    assert!(source("unsafe impl Send for X {}").uses_unsafe());
    assert!(!source("// unsafe here\nlet unsafely = 1;\n#![forbid(unsafe_code)]").uses_unsafe());
    assert!(source("//! Doc.\n#![forbid(unsafe_code)]").forbids_unsafe());
    assert!(!source("// #![forbid(unsafe_code)]").forbids_unsafe());
    assert_eq!(
        parents("crates/a/src/b/c.rs"),
        [
            "crates/a/src/b.rs",
            "crates/a/src/b/mod.rs",
            "crates/a/src/lib.rs",
            "crates/a/src/main.rs",
        ]
    );
    assert_eq!(
        parents("crates/a/src/b/mod.rs"),
        ["crates/a/src/lib.rs", "crates/a/src/main.rs"]
    );
}

/// Panics with all faults, one to a line.
#[track_caller]
fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n\n  {}\n", faults.join("\n  "));
}

/// Where the workspace lies.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the workspace")
}

/// A package of the workspace.
struct Package {
    manifest: toml::Table,
}

impl Package {
    fn at(folder: impl AsRef<Path>) -> Package {
        let path = root().join(folder).join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        Package {
            manifest: text
                .parse()
                .unwrap_or_else(|error| panic!("{path:?}: {error}")),
        }
    }

    fn name(&self) -> &str {
        self.manifest["package"]["name"]
            .as_str()
            .expect("a package has a name")
    }

    /// All that it builds with, for any target: not what its tests use.
    fn dependencies(&self) -> BTreeSet<String> {
        let targets = self.manifest.get("target").and_then(toml::Value::as_table);
        let mut tables = vec![&self.manifest];
        tables.extend(
            targets
                .into_iter()
                .flatten()
                .filter_map(|(_, target)| target.as_table()),
        );
        tables
            .iter()
            .flat_map(|table| ["dependencies", "build-dependencies"].map(|key| table.get(key)))
            .flatten()
            .filter_map(toml::Value::as_table)
            .flat_map(|table| table.keys().cloned())
            .collect()
    }
}

/// The packages under crates/.
fn packages() -> Vec<Package> {
    let folders = fs::read_dir(root().join("crates")).expect("the folder crates");
    folders
        .map(|entry| Package::at(entry.expect("an entry of crates").path()))
        .collect()
}

/// A Rust file that is part of a library, a program or an example.
struct Source {
    /// From the root of the workspace, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The lines that are not comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
    }

    fn uses_unsafe(&self) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.code()
            .map(|line| line.split(" //").next().unwrap_or(line))
            .any(|line| line.split(|c| !is_word(c)).any(|word| word == "unsafe"))
    }

    fn forbids_unsafe(&self) -> bool {
        self.code()
            .any(|line| line.trim() == "#![forbid(unsafe_code)]")
    }
}

/// All sources of crates, benches and examples, tests aside, sorted by path.
fn sources() -> Vec<Source> {
    let root = root();
    let mut folders = ["benches/src", "benches/alloc/src", "examples"]
        .map(|at| root.join(at))
        .to_vec();
    for entry in fs::read_dir(root.join("crates")).expect("the folder crates") {
        folders.push(entry.expect("an entry of crates").path().join("src"));
    }
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            let path = entry.expect("an entry of a source folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let path = path
                    .strip_prefix(&root)
                    .expect("under the root")
                    .to_string_lossy();
                sources.push(Source {
                    path: path.replace('\\', "/"),
                    text,
                });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The files that `docs/unsafe.md` lists: first cells of its table rows.
fn listed_in_docs_unsafe() -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/unsafe.md")).expect("docs/unsafe.md");
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(file, _)| file.to_owned())
        .filter(|file| file.ends_with(".rs"))
        .collect()
}

/// The files that could declare the module in `file`, nearest first.
fn parents(file: &str) -> Vec<String> {
    let Some((src, inner)) = file.split_once("/src/") else {
        return Vec::new();
    };
    let mut folders: Vec<&str> = inner.split('/').collect();
    if folders.pop() == Some("mod.rs") {
        folders.pop();
    }
    let mut parents = Vec::new();
    while !folders.is_empty() {
        let folder = folders.join("/");
        parents.push(format!("{src}/src/{folder}.rs"));
        parents.push(format!("{src}/src/{folder}/mod.rs"));
        folders.pop();
    }
    parents.push(format!("{src}/src/lib.rs"));
    parents.push(format!("{src}/src/main.rs"));
    parents.retain(|parent| parent != file);
    parents
}

#![forbid(unsafe_code)]
//! Holds the pages together: what a link of one names is there, and each page of docs/, or its
//! folder, is linked from another.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Adds the pages in `folder` and below it, from the root of the workspace.
fn collect(folder: &str, pages: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).expect("a folder of pages") {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&path, pages);
        } else if path.ends_with(".md") {
            pages.push(path);
        }
    }
}

/// The targets of the links of `page` that stay in the project, from its root.
fn links(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).expect("a page");
    let ends = text.match_indices("](").map(|(at, _)| at + 2);
    let targets = ends.filter_map(|at| text[at..].split_once(')'));
    let inside = targets
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"));
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    inside.map(|target| resolve(&folder.join(target))).collect()
}

/// Takes `..` out of a path.
fn resolve(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    parts.join("/")
}

fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    for folder in ["benches", "crates", "docs"] {
        collect(folder, &mut pages);
    }
    pages
}

#[test]
fn what_a_link_names_is_there() {
    let pages = pages();
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        for target in links(&page) {
            assert!(
                root().join(&target).exists(),
                "{page} links {target}, which is not there"
            );
        }
    }
}

#[test]
fn each_page_of_docs_is_linked_from_another() {
    let linked: BTreeSet<String> = pages()
        .iter()
        .flat_map(|page| {
            let others = links(page).into_iter();
            others.filter(move |target| target != page)
        })
        .collect();
    for page in pages() {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        assert!(
            linked.contains(&page) || linked.contains(folder) || !page.starts_with("docs/"),
            "no page links {page}"
        );
    }
}

#[test]
fn a_path_is_resolved_from_the_folder_of_its_page() {
    assert_eq!(resolve(Path::new("docs/a/../b.md")), "docs/b.md");
    assert_eq!(resolve(Path::new("docs/./c.md")), "docs/c.md");
}

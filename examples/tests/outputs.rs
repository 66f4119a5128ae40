//! Each small example prints what its header says.

use std::path::Path;
use std::process::Command;

use program::program;

mod program;

/// Returns the block under `Prints:` in the header of an example.
fn promised(name: &str) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(name)
        .with_extension("rs");
    let source = std::fs::read_to_string(source).unwrap();
    assert!(
        source.lines().count() < 80,
        "{name} is too long for one idea"
    );
    let (_, block) = source
        .split_once("//! Prints:\n//! ```text\n")
        .expect("a block of what it prints");
    let (block, _) = block.split_once("//! ```").unwrap();
    block
        .lines()
        .map(|line| {
            line.trim_start_matches("//!")
                .trim_start_matches(' ')
                .to_owned()
                + "\n"
        })
        .collect()
}

fn prints_what_it_promises(name: &str) {
    let output = Command::new(program(name)).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), promised(name));
}

#[test]
fn counters() {
    prints_what_it_promises("counters");
}

#[test]
fn global_allocator() {
    prints_what_it_promises("global_allocator");
}

#[test]
fn pooled_buffers() {
    prints_what_it_promises("pooled_buffers");
}

#[test]
fn request_scope() {
    prints_what_it_promises("request_scope");
}

#[test]
fn session_cache() {
    prints_what_it_promises("session_cache");
}

#[test]
fn shared_counters() {
    prints_what_it_promises("shared_counters");
}

#[test]
fn word_count() {
    prints_what_it_promises("word_count");
}

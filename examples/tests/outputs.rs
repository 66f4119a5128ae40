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
fn background_sweep() {
    prints_what_it_promises("background_sweep");
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
fn read_only() {
    prints_what_it_promises("read_only");
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
fn streamed_answer() {
    prints_what_it_promises("streamed_answer");
}

#[test]
fn word_count() {
    prints_what_it_promises("word_count");
}

#[test]
fn metrics() {
    prints_what_it_promises("metrics");
}

/// Each planted fault is found, under its name and with its line, and nothing else is; the
/// guards twice, since at first nobody can tell whether requests just take longer.
#[test]
fn leak_hunt() {
    let output = Command::new(program("leak_hunt")).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let heads: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(' ') && !line.is_empty())
        .collect();
    let source = include_str!("../leak_hunt.rs");
    let checkout = source
        .lines()
        .position(|line| line.contains("REQUESTS.checkout()"))
        .unwrap()
        + 1;
    let line = format!("examples/leak_hunt.rs:{checkout}");
    let mut expected = [
        "only_grows: map sessions".to_owned(),
        "zero_share: map connections".to_owned(),
        format!("guards_out: map pool requests, {line}"),
    ];
    expected.sort();
    let mut found: Vec<String> = heads
        .iter()
        .map(|head| head.replace("examples/examples/", "examples/"))
        .collect();
    found.sort();
    assert_eq!(found.len(), 4, "{text}");
    found.dedup();
    assert_eq!(found, expected, "{text}");
    for word in ["since ", "cause ", "evidence ", "do "] {
        assert_eq!(
            text.matches(&format!("\n  {word}")).count(),
            4,
            "{word} in {text}"
        );
    }

    // The walkthrough shows these very heads.
    let page = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/observability/leak-hunt.md"),
    )
    .unwrap();
    for head in &expected {
        assert!(
            page.contains(head.as_str()),
            "docs/observability/leak-hunt.md does not show {head}"
        );
    }
}

#[test]
fn a_program_reports_at_its_end_if_it_is_asked_to() {
    let run = |value: Option<&str>| {
        let mut command = Command::new(program("metrics"));
        command.env_remove("MILLPOND_REPORT");
        command.envs(value.map(|value| ("MILLPOND_REPORT", value)));
        let output = command.output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stdout), promised("metrics"));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!((run(None), run(Some("0"))), (String::new(), String::new()));
    let table = run(Some("1"));
    for word in [
        "allocator  live",
        "map pools",
        "requests",
        "examples/metrics.rs:",
    ] {
        assert!(table.contains(word), "no {word} in\n{table}");
    }
}

//! The request server as a program: how it ends, and the demo from end to end.

use std::net::TcpListener;
use std::process::{Command, Output};

use program::program;

mod program;

fn run(args: &[&str]) -> Output {
    Command::new(program("request_server"))
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn what_cannot_run_ends_in_one_line_and_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, part) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--port", &port], &*port),
        (
            &["--demo", "--input", "/no/such/file.log"],
            "/no/such/file.log",
        ),
    ] {
        let output = run(args);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(
            line.starts_with("request_server: ") && line.contains(part),
            "{line}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_is_no_failure() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("--demo"));
}

#[test]
fn the_demo_compares_every_source_and_ends_well() {
    let rows = std::env::temp_dir().join(format!("millpond-demo-rows-{}", std::process::id()));
    let output = run(&[
        "--demo",
        "--seconds",
        "1",
        "--threads",
        "2",
        "--json",
        rows.to_str().unwrap(),
    ]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for part in [
        "POST /log",
        "POST /group",
        "Memory",
        "handler p50",
        "RSS idle",
        "hashbrown",
        "std",
        "reused",
    ] {
        assert!(table.contains(part), "no {part} in {table}");
    }

    let text = std::fs::read_to_string(&rows).unwrap();
    let _ = std::fs::remove_file(&rows);
    let rows: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for name in [
        "server/log/handler p50",
        "server/group/allocations/request",
        "server/memory/RSS idle",
    ] {
        let row = rows
            .iter()
            .find(|row| row["row"] == name && row["rival"] == "std");
        let row = row.unwrap_or_else(|| panic!("no {name} in {text}"));
        let (ours, theirs) = (
            row["ours_ns"].as_f64().unwrap(),
            row["rival_ns"].as_f64().unwrap(),
        );
        assert!(ours > 0.0 && theirs > 0.0, "{row}");
        assert!(
            (row["ratio"].as_f64().unwrap() - ours / theirs).abs() < 1e-6,
            "{row}"
        );
    }
}

#![forbid(unsafe_code)]
//! What the runner says on its command line, as a child process.

use std::process::{Command, Output};

fn runner(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millpond-bench"))
        .args(args)
        .output()
        .expect("the runner starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn list_names_suites_and_rows() {
    let output = runner(&["list"]);
    assert!(output.status.success());
    for name in ["request", "u64/8", "str/10000", "giant", "map", "pool"] {
        assert!(stdout(&output).contains(name), "no {name} in the list");
    }
}

#[test]
fn an_unknown_suite_ends_with_2_and_the_known_ones() {
    let output = runner(&["run", "nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("nonsense") && said.contains("request"),
        "{said}"
    );
}

#[test]
fn a_filter_without_a_row_ends_with_2_and_the_rows() {
    let output = runner(&["run", "request", "--rows", "nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("u64/64"), "{}", stderr(&output));
}

#[test]
fn a_file_that_cannot_be_written_ends_with_2_before_anything_runs() {
    let output = runner(&["run", "request", "--json", "/no/such/folder/rows.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("/no/such/folder"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn no_rounds_are_no_run() {
    assert_eq!(
        runner(&["run", "request", "--rounds", "0"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_row_is_written_against_every_rival_and_the_best() {
    let file = std::env::temp_dir().join(format!("millpond-cli-{}.json", std::process::id()));
    let path = file.to_str().expect("a path in UTF-8");
    let args = [
        "run", "request", "--quick", "--rounds", "2", "--rows", "u64/8", "--json", path,
    ];
    let output = runner(&args);
    let rows = std::fs::read_to_string(&file).expect("the file is written");
    std::fs::remove_file(&file).expect("it was there");

    assert!(output.status.success(), "{}", stderr(&output));
    let rows: Vec<serde_json::Value> = rows
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    let rivals: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["rival"].as_str())
        .collect();
    let stable = [
        "fresh new",
        "fresh with_capacity",
        "reused clear",
        "bump",
        "std",
        "best",
    ];
    for rival in stable.into_iter().chain(["opool", "poolshark"]) {
        assert!(rivals.contains(&rival), "no {rival} among {rivals:?}");
    }
    for row in &rows {
        assert_eq!(
            (&row["suite"], &row["row"]),
            (&"request".into(), &"u64/8".into())
        );
        let figure = |name: &str| row[name].as_f64().expect("a number");
        assert!(figure("ours_ns") > 0.0 && figure("rival_ns") > 0.0 && figure("ratio") > 0.0);
    }
    assert!(stdout(&output).contains("u64/8 against fresh with_capacity"));
}

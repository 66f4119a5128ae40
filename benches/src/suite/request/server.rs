#![forbid(unsafe_code)]
//! The demo server, run as a child process: it measures itself.
//!
//! `examples/request_server` answers the same requests with maps of every kind,
//! checks that the answers are equal, and writes rows in the runner's form.

use crate::child;
use crate::error::Error;
use crate::report::Row;
use crate::suite::Run;
use std::process::Command;

/// How long the demo drives its server, in seconds.
const SECONDS: (&str, &str) = ("30", "8");

pub(super) fn rows() -> Vec<String> {
    let mut rows = Vec::new();
    for part in ["log", "group"] {
        let figures = [
            "requests/s",
            "latency p50",
            "latency p99",
            "latency p99.9",
            "handler p50",
            "handler mean",
            "allocations/request",
            "allocated/request",
            "blocks lent/request",
            "OS calls/request",
        ];
        rows.extend(figures.map(|figure| format!("server/{part}/{figure}")));
    }
    rows.extend(["RSS before", "RSS peak", "RSS idle"].map(|what| format!("server/memory/{what}")));
    rows
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if !rows().iter().any(|row| run.wants(row)) {
        return Ok(());
    }
    let Some(cargo) = option_env!("CARGO") else {
        return run
            .report
            .say("server rows left out: this build does not know its cargo\n");
    };
    let seconds = if run.quick { SECONDS.1 } else { SECONDS.0 };
    let file = std::env::temp_dir().join(format!("millpond-server-{}.json", std::process::id()));
    run.report.progress("server", "building");
    child::output(&mut example(cargo, "build"))?;
    run.report.progress("server", "running");
    let mut demo = example(cargo, "run");
    demo.args(["--", "--demo", "--seconds", seconds, "--json"])
        .arg(&file);
    let rows = child::output(&mut demo).and_then(|_| {
        std::fs::read_to_string(&file)
            .map_err(|e| Error::Io(format!("reading {}", file.display()), e))
    });
    // Gone whether or not the demo wrote it; nothing to report when it did not.
    let _ = std::fs::remove_file(&file);
    for line in rows?.lines() {
        let row: Row = serde_json::from_str(line)
            .map_err(|e| Error::Child(format!("the demo wrote {line:?}: {e}")))?;
        if run.wants(&row.row) {
            run.report.pass(row)?;
        }
    }
    Ok(())
}

fn example(cargo: &str, what: &str) -> Command {
    let mut command = Command::new(cargo);
    command.args([what, "--quiet", "--release", "-p", "millpond-examples"]);
    command.args(["--example", "request_server"]);
    // The manifest's folder, so that it works from anywhere.
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

#![forbid(unsafe_code)]
//! The comparison runner: `list` and `run`.

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, value_parser};
use millpond_bench::clock::Clock;
use millpond_bench::contest::Pace;
use millpond_bench::error::Error;
use millpond_bench::gate::{self, Gate};
use millpond_bench::report::Report;
use millpond_bench::suite::{self, Run, SUITES, Suite};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static GLOBAL: Gate = Gate;

/// Compares millpond with its rivals on this machine.
///
/// Every engine serves the same requests in short rounds, in rotated order; its
/// answers are checked before its time is reported. A ratio is ours divided by
/// the rival's: under 1 is faster, or smaller.
#[derive(Debug, Parser)]
#[command(version, name = "millpond-bench")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists suites, their rows, and the rivals that this build lacks.
    List,
    /// Runs suites and prints, for each bar, whether it was met.
    Run(RunArgs),
    /// Does one measurement in a process of its own; called by `run`.
    #[command(hide = true)]
    Probe {
        #[arg(value_parser = ["giant", "rebuild"])]
        what: String,
        engine: String,
        #[arg(long, default_value_t = DEFAULT_SEED)]
        seed: u64,
    },
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The suites to run, in this order.
    #[arg(required = true, value_name = "SUITE", value_parser = suite_names())]
    suites: Vec<String>,
    /// Ends within a minute a suite, building aside, at the price of more noise.
    #[arg(long)]
    quick: bool,
    /// Runs also the rows that take minutes and gigabytes of work.
    #[arg(long, conflicts_with = "quick")]
    long: bool,
    /// Writes one JSON object per row and rival, a line each.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the same as CSV.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Runs only the rows whose name contains this; may be given more than once.
    #[arg(long, value_name = "FILTER")]
    rows: Vec<String>,
    /// Rounds per row; more rounds, less doubt. [default: 41, quick 13]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// What all keys are drawn from.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Which time is taken on one thread: its own on the CPU, or the wall's.
    #[arg(long, value_enum, default_value_t = Clock::Cpu)]
    clock: Clock,
    /// Ends with exit code 1 when a bar was missed.
    #[arg(long)]
    gate: bool,
}

const DEFAULT_SEED: u64 = 2024;

fn suite_names() -> PossibleValuesParser {
    PossibleValuesParser::new(SUITES.iter().map(|suite| suite.name))
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::List => list(),
        Command::Run(args) => run(&args),
        Command::Probe { what, engine, seed } => {
            let measured = match what.as_str() {
                "rebuild" => suite::tables::rebuild_probe(&engine).map(|bytes| bytes.to_string()),
                _ => suite::request::giant_probe(&engine, seed),
            };
            measured.map(|measured| {
                println!("{measured}");
                ExitCode::SUCCESS
            })
        }
    };
    result.unwrap_or_else(|error| {
        if error.is_closed_pipe() {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {error}");
        ExitCode::from(error.exit_code())
    })
}

fn list() -> Result<ExitCode, Error> {
    let mut report = Report::new(io::stdout(), None, None)?;
    for suite in SUITES {
        report.say(&format!("{:<10} {}\n", suite.name, suite.about))?;
        for row in (suite.rows)() {
            report.say(&format!("    {row}\n"))?;
        }
    }
    say_missing(&mut report)?;
    Ok(ExitCode::SUCCESS)
}

fn run(args: &RunArgs) -> Result<ExitCode, Error> {
    let suites: Vec<&Suite> = args
        .suites
        .iter()
        .filter_map(|name| SUITES.iter().copied().find(|suite| suite.name == name))
        .collect();
    let wanted = |row: &String| args.rows.iter().any(|part| row.contains(part.as_str()));
    if !args.rows.is_empty()
        && !suites
            .iter()
            .flat_map(|s| (s.rows)())
            .any(|row| wanted(&row))
    {
        let rows: Vec<String> = suites.iter().flat_map(|s| (s.rows)()).collect();
        let known = rows.join(", ");
        return Err(Error::Usage(format!(
            "no row matches {:?}; there are {known}",
            args.rows
        )));
    }
    let (rounds, slice_ms) = if args.quick { (13, 4) } else { (41, 10) };
    let pace = Pace {
        rounds: args.rounds.map_or(rounds, usize::from),
        slice: Duration::from_millis(slice_ms),
        clock: args.clock,
    };
    let mut report = Report::new(io::stdout(), args.json.as_deref(), args.csv.as_deref())?;
    report.say(&format!(
        "global allocator {}, seed {}\n",
        gate::BASE_NAME,
        args.seed
    ))?;
    say_missing(&mut report)?;
    let mut missed = 0;
    for suite in suites {
        report.begin(suite.name);
        let filter = args.rows.clone();
        let (quick, long) = (args.quick, args.long);
        (suite.run)(&mut Run {
            report: &mut report,
            pace,
            rounds: args.rounds.map(usize::from),
            seed: args.seed,
            quick,
            long,
            filter,
        })?;
        missed += report.judge(suite.bars)?;
    }
    let failed = args.gate && missed > 0;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn say_missing(report: &mut Report) -> Result<(), Error> {
    for rival in suite::MISSING {
        report.say(&format!("not in this build: {rival}\n"))?;
    }
    Ok(())
}

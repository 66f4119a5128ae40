#![forbid(unsafe_code)]
//! The command line: flags, the two ways to run, and how failure looks.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;
use tokio::runtime::Runtime;

use super::recent::Fault;
use super::serve::{self, App};
use super::{demo, work};

/// What a server without `--port` listens on.
const PORT_DEFAULT: u16 = 8080;

/// A web server that counts access logs and groups JSON, with pooled and fresh maps side by side
#[derive(Debug, Parser)]
#[command(
    name = "request_server",
    after_help = "\
POST /log            Apache combined log lines -> counts and bytes per path, client, status, agent
POST /group?by=FIELD a JSON array of objects -> counts, sums, distinct values per group
                     ?maps=pooled|fresh|hashbrown|std|reused chooses the maps, ?top=N how much is answered
GET /                the live page      GET /stats, GET /metrics  the same as JSON, for Prometheus"
)]
pub(crate) struct Args {
    /// Port on 127.0.0.1; 0 takes any free one [default: 8080, with --demo 0]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Threads of the server [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) threads: Option<u16>,
    /// The largest body that is read, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub(crate) limit: usize,
    /// Drive the server over loopback, print what each source of maps costs, and exit
    #[arg(long)]
    pub(crate) demo: bool,
    /// How long the demo drives it, in seconds
    #[arg(long, requires = "demo", default_value_t = 16.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// A log in Apache combined format, or a .json with a list of objects, instead of generated lines
    #[arg(long, requires = "demo", value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// The field by which the demo groups [default: path, or one that the .json has]
    #[arg(long, requires = "demo", value_name = "FIELD")]
    pub(crate) by: Option<String>,
    /// Plants a fault, for a look at what the live page and the alerts make of it
    #[arg(long, value_enum)]
    pub(crate) fault: Option<Fault>,
    /// End when standard input does: a server that the demo starts must not outlive it
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
    /// Write the demo's rows here too, one JSON object a line
    #[arg(long, requires = "demo", value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Why there is no server, in one line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) line: String,
    pub(crate) exit: u8,
}

impl Failure {
    /// Something that the person who typed the command can put right.
    pub(crate) fn usage(line: impl Display) -> Failure {
        Failure {
            line: line.to_string(),
            exit: 2,
        }
    }

    /// Something that should not have happened.
    pub(crate) fn broken(line: impl Display) -> Failure {
        Failure {
            line: line.to_string(),
            exit: 1,
        }
    }
}

/// Runs the program with `args`, the first of which is its name.
///
/// # Errors
///
/// [`Failure`], to be printed as one line and to end the program with its exit code.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            print!("{error}");
            return Ok(());
        }
        Err(error) => return Err(Failure::usage(first_line(&error.to_string()))),
    };
    if args.demo {
        run_demo(&args)
    } else {
        run_server(&args)
    }
}

fn run_server(args: &Args) -> Result<(), Failure> {
    let runtime = runtime(args)?;
    let app = Arc::new(App::new(args.limit, args.fault));
    let (listener, address) = bind(&runtime, args.port.unwrap_or(PORT_DEFAULT))?;
    if args.with_parent {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(0);
        });
    }
    // A parent waits for this line, and may read no more than that.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}/");
    runtime
        .block_on(serve::serve(listener, app))
        .map_err(Failure::broken)
}

fn run_demo(args: &Args) -> Result<(), Failure> {
    let work = work::Work::load(args.input.as_deref(), args.by.as_deref())?;
    // Created before the work, so that a mistyped path costs no waiting.
    let json = args
        .json
        .as_ref()
        .map(|path| std::fs::File::create(path).map_err(|error| unusable("write", path, error)));
    let json = json.transpose()?;
    let runtime = runtime(args)?;
    let app = Arc::new(App::new(args.limit, args.fault));
    let (listener, address) = bind(&runtime, args.port.unwrap_or(0))?;
    runtime.spawn(serve::serve(listener, Arc::clone(&app)));
    demo::run(args, &app, address, &work, json)
}

/// `path` cannot be read or written, and why.
pub(crate) fn unusable(verb: &str, path: &std::path::Path, error: std::io::Error) -> Failure {
    Failure::usage(format_args!("cannot {verb} {}: {error}", path.display()))
}

fn runtime(args: &Args) -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = args.threads {
        builder.worker_threads(threads.into());
    }
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::broken(format_args!("no runtime: {error}")))
}

fn bind(runtime: &Runtime, port: u16) -> Result<(tokio::net::TcpListener, SocketAddr), Failure> {
    runtime.block_on(serve::bind(port)).map_err(|error| {
        Failure::usage(format_args!(
            "cannot listen on 127.0.0.1:{port}: {error}; choose another --port, or 0 for any free one"
        ))
    })
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "a number from 0.1 to 86400 is wanted".into())
}

/// What clap says up to its first empty line, as one line.
fn first_line(message: &str) -> String {
    let said: Vec<&str> = message
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let said = said.join(" ");
    format!(
        "{}; --help lists the flags",
        said.trim_start_matches("error: ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(args: &[&str]) -> Failure {
        let args = ["request_server"].iter().chain(args).map(OsString::from);
        run(args).expect_err("it ran")
    }

    #[test]
    fn a_bad_flag_ends_in_one_line_and_exit_code_2() {
        for (args, part) in [
            (&["--demon"][..], "--demon"),
            (&["--port", "99999"], "99999"),
            (&["--threads", "0"], "threads"),
            (&["--demo", "--seconds", "soon"], "0.1 to 86400"),
            (&["--seconds", "3"], "--demo"),
            (&["--demo", "--input"], "--input"),
            (&["stray"], "stray"),
        ] {
            let failure = fails(args);
            assert_eq!(failure.exit, 2);
            assert!(failure.line.contains(part), "{args:?}: {}", failure.line);
            assert!(!failure.line.contains('\n'), "{}", failure.line);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_or_written_ends_in_exit_code_2() {
        for args in [
            &["--demo", "--input", "/no/such/file.log"][..],
            &["--demo", "--input", "/"],
            &["--demo", "--json", "/no/such/dir/rows"],
        ] {
            let failure = fails(args);
            assert_eq!(failure.exit, 2);
            assert!(failure.line.contains(args[2]), "{}", failure.line);
        }
    }

    #[test]
    fn a_port_in_use_ends_in_exit_code_2() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let failure = fails(&["--port", &port]);
        assert_eq!(failure.exit, 2);
        assert!(
            failure.line.contains(&port) && failure.line.contains("--port"),
            "{}",
            failure.line
        );
    }
}

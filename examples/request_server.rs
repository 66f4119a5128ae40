//! A web server that counts, with the maps of each request from a pool.
//!
//! Shows: pooled maps, fresh maps and std's maps answering the same requests
//! side by side, on one global allocator, with time, allocations and memory
//! measured while it runs.
//!
//! ```text
//! cargo run --release --example request_server -- --demo
//! cargo run --release --example request_server -- --demo --input access.log
//! cargo run --release --example request_server              # serves until stopped
//! curl --data-binary @access.log 'http://127.0.0.1:8080/log?maps=pooled&top=3'
//! curl --data-binary @events.json 'http://127.0.0.1:8080/group?by=actor.login'
//! ```
//!
//! Prints: with `--demo` three tables and an exit code of 0, else its address.

use std::process::ExitCode;

use millpond::arena::Millpond;
use millpond_testkit::Counting;

#[path = "request_server/mod.rs"]
mod request_server;

// `Millpond` alone is what a service installs; `Counting` around it is what
// lets this one say how often each request allocates.
#[global_allocator]
static ALLOCATOR: Counting<Millpond> = Counting::new(Millpond::new());

fn main() -> ExitCode {
    match request_server::cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("request_server: {}", failure.line);
            ExitCode::from(failure.exit)
        }
    }
}

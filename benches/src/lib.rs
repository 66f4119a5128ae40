//! Compares millpond with its rivals, on answers that are checked first.
//!
//! ```text
//!   workload ──▶ requests, seeded, no engine in sight
//!                   │
//!   engine ─────────┤  ours and rivals behind one trait
//!                   ▼
//!   contest ──▶ rounds: every engine serves the same requests, order rotated
//!                   │
//!   suite ──────────┤  which engines meet on which rows, and the bars
//!                   ▼
//!   report ──▶ table on stdout, one JSON line and one CSV line per row
//! ```
//!
//! The runner (`src/main.rs`) and the criterion suites (`suites/`) share all of it.

pub mod bar;
pub mod child;
pub mod clock;
pub mod contest;
pub mod engine;
pub mod error;
pub mod foreign;
pub mod gate;
pub mod report;
pub mod stats;
pub mod suite;
pub mod workload;

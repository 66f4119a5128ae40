//! The request server, file by file.
//!
//! ```text
//!   cli ─▶ serve ─▶ ask ─▶ log ─── log_line             one line, its fields
//!    │       │        └──▶ group ─ json_walk, scalar    one value, its field
//!    │       │             both ── maps, reused, top    where tables come from
//!    │       ├─▶ stats                                  what it cost
//!    │       └─▶ recent                                 a map that lives on, and faults
//!    └─▶ demo ─▶ work, client, memory, table            the same server, driven
//! ```

mod ask;
pub(crate) mod cli;
mod client;
mod demo;
mod group;
mod json_walk;
mod log;
mod log_line;
pub(crate) mod maps;
mod memory;
mod problem;
mod recent;
mod reused;
mod scalar;
pub(crate) mod serve;
mod stats;
mod table;
mod top;
pub(crate) mod work;

/// Writes an answer. The same buffer policy for every source of maps.
fn to_json(answer: &impl serde::Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(8 * 1024);
    // Plain data with text for keys has no way to fail, and a Vec takes it all.
    serde_json::to_writer(&mut json, answer).expect("plain data is always JSON");
    json
}

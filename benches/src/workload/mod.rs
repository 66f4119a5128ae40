#![forbid(unsafe_code)]
//! What is asked: seeded, with its own answer, and no engine in sight.

mod mix;
mod request;
mod rng;
mod zipf;

pub use mix::{Call, MIXES, Mix, Script};
pub use request::{Answer, Request, Texts, u64_requests};
pub use rng::Rng;
pub use zipf::Zipf;

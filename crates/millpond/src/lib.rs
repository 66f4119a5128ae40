#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "arena")]
pub use millpond_arena as arena;
/// The variable that asks for a report when the program ends: `MILLPOND_REPORT=1`.
#[cfg(feature = "observe")]
pub use millpond_exit_report::VARIABLE as REPORT_VARIABLE;
#[cfg(feature = "map")]
pub use millpond_map as map;
#[cfg(feature = "observe")]
pub use millpond_observe as observe;
#[cfg(feature = "observe")]
pub use millpond_observe::report;
#[cfg(feature = "pool")]
pub use millpond_pool as pool;

/// Compiles and runs what the pages for users show.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/allocator.md")]
    struct Allocator;
    #[doc = include_str!("../../../docs/quickstart.md")]
    struct Quickstart;
    #[doc = include_str!("../../../docs/map-pools.md")]
    struct MapPools;
    #[doc = include_str!("../../../docs/observability.md")]
    struct Observability;
    #[doc = include_str!("../../../docs/many-threads.md")]
    struct ManyThreads;
    #[doc = include_str!("../../../docs/counters.md")]
    struct Counters;
    #[doc = include_str!("../../../docs/read-only.md")]
    struct ReadOnly;
}

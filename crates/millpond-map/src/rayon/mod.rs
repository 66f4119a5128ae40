//! Parallel walks, and building from them. Feature `rayon`.
//!
//! Names and bounds are those of hashbrown's `rayon` feature. A walk is cut by lines of 64
//! slots, so a table of fewer is walked by one thread. Building happens on the calling
//! thread: what arrives in parallel is collected first.
//!
//! # Examples
//!
//! ```
//! # #[cfg(feature = "rayon")] {
//! use millpond_map::HashMap;
//! use rayon::prelude::*;
//!
//! let mut squares: HashMap<u64, u64> = (0..10_000).into_par_iter().map(|n| (n, n * n)).collect();
//! squares.par_values_mut().for_each(|square| *square += 1);
//! let sum: u64 = squares.par_iter().map(|(n, square)| square - n * n).sum();
//! assert_eq!(sum, 10_000);
//! # }
//! ```

pub(crate) mod map;
pub(crate) mod set;
pub(crate) mod table;

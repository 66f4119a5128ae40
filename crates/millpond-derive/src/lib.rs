#![forbid(unsafe_code)]
//! `#[derive(IsZero)]`, the macro behind the feature `derive` of `millpond-map`.
//!
//! A struct is zero when each of its fields is:
//!
//! ```
//! use millpond_map::IsZero;
//! use std::time::Instant;
//!
//! #[derive(IsZero)]
//! struct Session {
//!     requests: u64,
//!     bytes: u64,
//!     #[is_zero(skip)] // says nothing about whether the session is idle
//!     since: Instant,
//!     #[is_zero(with = is_settled)]
//!     balance: Cents,
//! }
//!
//! struct Cents(i64);
//!
//! fn is_settled(balance: &Cents) -> bool {
//!     balance.0.abs() < 1
//! }
//!
//! let idle = Session { requests: 0, bytes: 0, since: Instant::now(), balance: Cents(0) };
//! assert!(idle.is_zero());
//! ```
//!
//! An enum is zero when it is the one variant that says so, and that variant's fields are:
//!
//! ```
//! use millpond_map::IsZero;
//!
//! #[derive(IsZero)]
//! enum Lease {
//!     #[is_zero]
//!     Free,
//!     Held { by: u32 },
//! }
//!
//! assert!(Lease::Free.is_zero() && !Lease::Held { by: 0 }.is_zero());
//! ```
//!
//! | attribute | on | meaning |
//! | --- | --- | --- |
//! | `#[is_zero]` | one variant of an enum | the variant that may be zero |
//! | `#[is_zero(skip)]` | a field | the field says nothing; at least one field must |
//! | `#[is_zero(with = path)]` | a field | `path(&field)` decides; for types without `IsZero` |
//! | `#[is_zero(crate = path)]` | the type | where `IsZero` lives, if not in `millpond_map` |
//!
//! A type parameter that a field needs is bound by `IsZero`.
//!
//! # What is refused
//!
//! A union (nobody knows which field is alive), an enum without a marked variant or with
//! two of them, a type that would always be zero as it has no field that says anything,
//! and times, which have no `IsZero` of their own:
//!
//! ```compile_fail
//! #[derive(millpond_map::IsZero)]
//! union Either { a: u32, b: f32 }
//! ```
//!
//! ```compile_fail
//! #[derive(millpond_map::IsZero)]
//! enum Lease { Free, Held }
//! ```
//!
//! ```compile_fail
//! #[derive(millpond_map::IsZero)]
//! enum Lease { #[is_zero] Free, #[is_zero] Held }
//! ```
//!
//! ```compile_fail
//! #[derive(millpond_map::IsZero)]
//! struct Nothing;
//! ```
//!
//! ```compile_fail
//! #[derive(millpond_map::IsZero)]
//! struct Untold { #[is_zero(skip)] a: u32 }
//! ```
//!
//! ```compile_fail,E0277
//! #[derive(millpond_map::IsZero)]
//! struct Seen { last: std::time::Duration }
//! ```

mod expand;

use proc_macro::TokenStream;

/// Implements `IsZero`: see the [crate](self) for the rules.
#[proc_macro_derive(IsZero, attributes(is_zero))]
pub fn derive_is_zero(input: TokenStream) -> TokenStream {
    expand::is_zero(input.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

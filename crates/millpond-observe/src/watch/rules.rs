#![forbid(unsafe_code)]
//! What the rules want, as numbers that can be changed.

use std::time::Duration;

/// The bounds of the rules of a [`Watch`](crate::Watch).
///
/// Ticks are calls of `observe`; the defaults are made for one a second. All are guessed from
/// what the example server does in an hour, with room: none of them fires there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rules {
    /// `burst_growth`: bytes in use have grown by this factor within two ticks, and stayed.
    pub burst_factor: f64,
    /// `burst_growth`: and by at least as many bytes.
    pub burst_bytes: u64,
    /// `only_grows`: at none of so many ticks had a map fewer entries than at the one before.
    /// A map whose entries live for a time should have reached its size by then.
    pub growth_ticks: u32,
    /// `only_grows`: it has grown by this factor in all …
    pub growth_factor: f64,
    /// `only_grows`: … and by at least so many entries, as fast at the end as at the beginning.
    pub growth_entries: u64,
    /// `retention`: what lies unused is so many times what was in use at the most …
    pub retention_factor: f64,
    /// `retention`: … and at least so many bytes more, of the allocator.
    pub retention_bytes: u64,
    /// `retention`: the same, of one pool or one map.
    pub row_retention_bytes: u64,
    /// `retention`: for so many ticks in a row.
    pub retention_ticks: u32,
    /// `guards_out`: what is out at the least has risen from third to third of so many ticks,
    /// and traffic has not.
    pub guards_ticks: u32,
    /// `guards_out`, `maps_not_returned`: at least so many guards more, or out.
    pub guards: u64,
    /// `maps_not_returned`: nothing came back for so many ticks, while more was taken.
    pub return_ticks: u32,
    /// `zero_share`: the part of entries whose value is zero, at two ticks in a row.
    pub zero_share: f64,
    /// `zero_drift`: the same, for a long time.
    pub drift_share: f64,
    /// `zero_drift`: how long.
    pub drift_time: Duration,
    /// `zero_share`, `zero_drift`: maps with fewer entries are left alone.
    pub zero_entries: u64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            burst_factor: 1.5,
            burst_bytes: 16 << 20,
            growth_ticks: 600,
            growth_factor: 1.5,
            growth_entries: 1_000,
            retention_factor: 2.0,
            retention_bytes: 64 << 20,
            row_retention_bytes: 4 << 20,
            retention_ticks: 30,
            guards_ticks: 12,
            guards: 8,
            return_ticks: 10,
            zero_share: 0.5,
            drift_share: 0.15,
            drift_time: Duration::from_secs(600),
            zero_entries: 1_000,
        }
    }
}

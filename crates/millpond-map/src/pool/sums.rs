#![forbid(unsafe_code)]
//! What all threads have counted for one pool, added up.

use std::panic::Location;
use std::ptr;

use super::shard::{Count, SiteCount};
use crate::stats::{CallSiteStats, MapPoolStats};

/// Counts of a site, by [`SiteCount`].
pub(super) type SiteSums = [u64; 3];

/// The sums over threads.
#[derive(Debug)]
pub(super) struct Sums {
    /// By [`Count`].
    pub(super) tally: [u64; 5],
    /// What is counted without a site.
    pub(super) elsewhere: SiteSums,
    /// Of each location, sorted, each once.
    addresses: Vec<usize>,
    /// The location, what the site has counted, and the largest capacity that a thread would
    /// give its next map; in the order of the addresses.
    sites: Vec<(&'static Location<'static>, SiteSums, usize)>,
}

#[inline]
fn sum(sums: &mut SiteSums, other: &SiteSums) {
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = sum.wrapping_add(other[index]);
    }
}

/// Returns `gone` less than `came`; what was read on its own may be off by what is under way.
fn left(came: u64, gone: u64) -> u64 {
    came.wrapping_sub(gone).cast_signed().max(0).cast_unsigned()
}

impl Sums {
    pub(super) fn new(locations: Vec<&'static Location<'static>>) -> Self {
        let address = |location: &&'static Location<'static>| ptr::from_ref(*location).addr();
        Self {
            tally: [0; 5],
            elsewhere: [0; 3],
            addresses: locations.iter().map(address).collect(),
            sites: locations
                .into_iter()
                .map(|location| (location, [0; 3], 0))
                .collect(),
        }
    }

    /// Adds what threads have counted for the site whose location has this address.
    #[inline]
    pub(super) fn add_site(&mut self, address: usize, counts: &SiteSums, capacity: usize) {
        match self.addresses.binary_search(&address) {
            Ok(place) => {
                let (_, sums, largest) = &mut self.sites[place];
                sum(sums, counts);
                *largest = capacity.max(*largest);
            }
            // Adopted after the locations were listed.
            Err(_) => sum(&mut self.elsewhere, counts),
        }
    }

    /// Returns the sums over all sites.
    pub(super) fn pool(&self) -> MapPoolStats {
        let mut all = self.elsewhere;
        for (_, counts, _) in &self.sites {
            sum(&mut all, counts);
        }
        let [checkouts, returns, bytes_out] = all;
        let tally = |count: Count| self.tally[count as usize];
        let not_right = tally(Count::Grown) + tally(Count::Detached) + tally(Count::Discarded);
        MapPoolStats {
            checkouts,
            right_sized: left(returns, not_right),
            grown: tally(Count::Grown),
            detached: tally(Count::Detached),
            discarded: tally(Count::Discarded),
            outstanding: left(checkouts, returns),
            outstanding_bytes: left(bytes_out, 0),
            scopes: tally(Count::Scopes),
            outstanding_scopes: left(tally(Count::Scopes), tally(Count::ScopeReturns)),
            sites: self.sites.len() as u64,
        }
    }

    /// Returns the sums of each site, in the order of the sources. One place in the source is
    /// one site, however often the compiler has made code of it.
    pub(super) fn call_sites(mut self) -> Vec<CallSiteStats> {
        self.sites.sort_by_key(|(location, _, _)| *location);
        self.sites.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                sum(&mut kept.1, &later.1);
                kept.2 = kept.2.max(later.2);
            }
            same
        });
        let stats = |(location, counts, capacity): (_, SiteSums, usize)| {
            let of = |count: SiteCount| counts[count as usize];
            CallSiteStats {
                location,
                checkouts: of(SiteCount::Checkouts),
                returns: of(SiteCount::Returns),
                outstanding: left(of(SiteCount::Checkouts), of(SiteCount::Returns)),
                outstanding_bytes: left(of(SiteCount::BytesOut), 0),
                capacity,
            }
        };
        self.sites.into_iter().map(stats).collect()
    }
}

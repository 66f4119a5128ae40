//! Finds three faults in a service from reports alone.
//!
//! Shows: maps that get a name, a `Watch` that looks once a second, and what its reports
//! say. The seconds are made up, so that twenty minutes take a moment. The walkthrough is in
//! docs/observability/leak-hunt.md.
//!
//! Prints a report of each, and a second one where the first could not tell what it is: rule,
//! subject and line of code, since when, why it is thought so, and what to do.

use std::sync::Arc;
use std::time::Duration;

use millpond::map::{MapPool, PooledMap, ShardedMap};
use millpond::observe::{NameError, Snapshot, Watch, watched, watched_zeros};

static REQUESTS: MapPool = MapPool::new("requests");

#[derive(Default)]
struct Service {
    sessions: Arc<ShardedMap<u64, String>>,
    connections: Arc<ShardedMap<u64, u32>>,
    slow_log: Vec<PooledMap<'static, u64, u64>>,
}

impl Service {
    fn request(&mut self, user: u64) {
        let mut words = REQUESTS.checkout();
        for word in 0..40 {
            *words.entry((user + word) % 97).or_insert(0_u64) += 1;
        }

        // First fault: a session is for ever. Users log out, and nobody removes it.
        self.sessions.insert(user, format!("user {user}"));

        // Second fault: a peer that has hung up stays, with a count of zero.
        self.connections
            .insert_or_update(user % 5_000, 1, |count| *count += 1);
        self.connections
            .update(&(user % 5_000), |count| *count -= 1);

        // Third fault: "slow" requests are kept to be looked at later. Nobody ever does.
        if user.is_multiple_of(20) {
            self.slow_log.push(words);
        }
    }
}

fn main() -> Result<(), NameError> {
    let mut service = Service::default();
    watched("sessions", &service.sessions)?;
    watched_zeros("connections", &service.connections)?;

    let mut watch = Watch::new();
    for second in 0..1_200 {
        (0..20).for_each(|request| service.request(second * 20 + request));
        REQUESTS.tick();
        for report in watch.observe(&Snapshot::capture(), Duration::from_secs(second)) {
            println!("{report}\n");
        }
    }
    Ok(())
}

//! Keeps sessions in a map that lives as long as the program.
//!
//! Shows: a `HashMap` used as std's, whose slabs shrink with it when a burst of
//! sessions has gone.
//!
//! Prints:
//! ```text
//! at noon: 100000 sessions
//! at night: 100 sessions, the first of user 500
//! room for the burst: at least 100000: true; for the night: under 1000: true
//! user 500 asked 2 times
//! ```

use millpond::map::HashMap;

/// A session, and the hour of its last request.
struct Session {
    requests: u32,
    hour: u32,
}

fn main() {
    let mut sessions: HashMap<u32, Session> = HashMap::new();
    for user in 0..100_000 {
        sessions.insert(
            user,
            Session {
                requests: 1,
                hour: if user % 1000 == 500 { 23 } else { 12 },
            },
        );
    }
    println!("at noon: {} sessions", sessions.len());
    let burst = sessions.capacity();

    sessions.retain(|_, session| session.hour >= 22);
    sessions.shrink_to(0);
    let oldest = sessions.keys().min().copied().unwrap_or_default();
    println!(
        "at night: {} sessions, the first of user {oldest}",
        sessions.len()
    );
    println!(
        "room for the burst: at least 100000: {}; for the night: under 1000: {}",
        burst >= 100_000,
        sessions.capacity() < 1000
    );

    if let Some(session) = sessions.get_mut(&500) {
        session.requests += 1;
    }
    println!("user 500 asked {} times", sessions[&500].requests);
}

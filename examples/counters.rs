//! Counts what is open, and keeps no entry for what is not.
//!
//! Shows: `CounterMap`, whose entries vanish at zero; `IsZero` and a sweep, for maps whose
//! values become zero by other ways; a scan that goes on while the map grows.
//!
//! Prints:
//! ```text
//! open after 1000000 rounds: 64 keys, room for 112, largest 1
//! closing one again: the count would pass its minimum
//! sessions: 300, idle 200; swept 200 in 32 steps, left 100
//! scanned 100 of 100 that stayed, while the map grew to 5100
//! ```

use millpond::map::{CounterMap, HashMap, IsZero, ScanCursor, Sweeper};

/// What a session has used. `#[derive(IsZero)]` would write the same by itself.
struct Usage {
    requests: u32,
    bytes: u64,
}

impl IsZero for Usage {
    fn is_zero(&self) -> bool {
        self.requests.is_zero() && self.bytes.is_zero()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A counter that is opened and closed for ever: as many entries as are open.
    let mut open: CounterMap<u64> = CounterMap::with_capacity(100);
    for connection in 0..1_000_000 {
        open.add(connection, 1)?;
        if let Some(closed) = u64::checked_sub(connection, 64) {
            open.sub(closed, 1)?; // reaches zero: the entry is gone
        }
    }
    let (keys, room, largest) = (open.len(), open.capacity(), open.top_n(1)[0].1);
    println!("open after 1000000 rounds: {keys} keys, room for {room}, largest {largest}");
    if let Err(error) = open.sub(0, 1) {
        println!("closing one again: {error}");
    }

    // Values that become zero somewhere else: a few groups are swept now and then.
    let usage = |requests| Usage { requests, bytes: 0 };
    let mut sessions: HashMap<u32, Usage> = (0..300)
        .map(|id| (id, usage(u32::from(id % 3 == 0))))
        .collect();
    let (all, idle) = (sessions.len(), sessions.zero_count());
    let (mut sweeper, mut steps) = (Sweeper::new(), 1);
    while !sessions.sweep(&mut sweeper, 1).lap_ended {
        steps += 1;
    }
    let (swept, left) = (sweeper.stats().swept, sessions.len());
    println!("sessions: {all}, idle {idle}; swept {swept} in {steps} steps, left {left}");

    // A scan is a number. Between its calls the map may do what it likes.
    let (mut cursor, mut seen, mut next) = (ScanCursor::START, 0, 1000);
    while !cursor.is_done() {
        cursor = sessions.scan(cursor, 1, |id, _| seen += u32::from(*id < 300))?;
        for _ in 0..100 {
            if sessions.len() < 5100 {
                sessions.insert(next, usage(1));
                next += 1;
            }
        }
    }
    println!(
        "scanned {seen} of {left} that stayed, while the map grew to {}",
        sessions.len()
    );
    Ok(())
}

//! Reuses buffers between requests, and lets go of those that nobody needs.
//!
//! Shows: a `Pool` in a static, what comes back from it, and how it ages.
//!
//! Prints:
//! ```text
//! request 0 wrote 8 bytes into a new buffer
//! request 1 wrote 9 bytes into a used buffer
//! request 2 wrote 9 bytes into a used buffer
//! a buffer comes back empty: true
//! kept after one tick: 1, after three: 0
//! ```

use std::fmt::Write;

use millpond::pool::Pool;

static BUFFERS: Pool<String> = Pool::new(String::new);

fn answer(request: u32) {
    let mut buffer = BUFFERS.get();
    let used = if buffer.capacity() == 0 {
        "new"
    } else {
        "used"
    };
    // Writing to a String cannot fail.
    let _ = write!(buffer, "answer {}", 9 + request);
    println!(
        "request {request} wrote {} bytes into a {used} buffer",
        buffer.len()
    );
} // here the buffer is emptied and goes back

fn main() {
    (0..3).for_each(answer);
    println!("a buffer comes back empty: {}", BUFFERS.get().is_empty());

    // A service ticks once a second or so; what nobody wanted for two ticks goes.
    BUFFERS.tick();
    let after_one = BUFFERS.stats().retained_items;
    BUFFERS.tick();
    BUFFERS.tick();
    let after_three = BUFFERS.stats().retained_items;
    println!("kept after one tick: {after_one}, after three: {after_three}");
}

//! Makes millpond the allocator of a whole program.
//!
//! Shows: one line is all it takes, and what the allocator then knows by itself.
//!
//! Prints:
//! ```text
//! 1000 strings hold 3890 bytes of text
//! while they lived: at least 32000 live bytes, all in mapped segments: true
//! freed by a thread that did not allocate them: true
//! after them: live bytes fell by at least 24000: true
//! ```

use millpond::arena::Millpond;

#[global_allocator]
static ALLOCATOR: Millpond = Millpond::new();

fn main() {
    let strings: Vec<String> = (0..1000).map(|n| format!("s{n}")).collect();
    let text: usize = strings.iter().map(String::len).sum();
    println!("{} strings hold {text} bytes of text", strings.len());

    let during = Millpond::stats();
    println!(
        "while they lived: at least 32000 live bytes, all in mapped segments: {}",
        during.live_bytes >= 32_000 && during.live_bytes <= during.mapped_bytes
    );

    // Vectors cross threads as ever: a free from elsewhere finds its slab's owner.
    let freed = std::thread::spawn(move || drop(strings)).join();
    println!(
        "freed by a thread that did not allocate them: {}",
        freed.is_ok()
    );

    let after = Millpond::stats();
    let fell = during.live_bytes.saturating_sub(after.live_bytes);
    println!(
        "after them: live bytes fell by at least 24000: {}",
        fell >= 24_000
    );
}

//! A configuration is there from the first block on, whichever that is. A file of its own:
//! it happens once in the life of a process.

use std::alloc::{GlobalAlloc, Layout};

use millpond_arena::Millpond;
use millpond_arena::knobs::{Config, DECAY_MILLIS};

static CONFIGURED: Millpond = Millpond::with(Config::new().decay_millis(77_000));

/// It used to be read only where a small block without zeros found nothing at hand.
#[test]
fn a_first_block_that_is_large_or_zero_installs_the_configuration() {
    let layout = Layout::from_size_align(100_000, 8).unwrap();
    assert_eq!(DECAY_MILLIS.value(), DECAY_MILLIS.default());
    // SAFETY: a layout with a size.
    let block = unsafe { CONFIGURED.alloc_zeroed(layout) };
    assert!(!block.is_null());
    assert_eq!(DECAY_MILLIS.value(), 77_000);
    // SAFETY: lent for this layout, used no more.
    unsafe { CONFIGURED.dealloc(block, layout) };
}

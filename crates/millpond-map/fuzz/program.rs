// What a fuzzer calls, and `tests/fuzz.rs` with inputs of its own.

use millpond_map::HashMap;
use millpond_testkit::hashers::{Crowded, Degenerate, Identity};
use millpond_testkit::map_program::{MapSubject, Op, decode, run_checking};
use millpond_testkit::map_subject;
use millpond_testkit::values::{Aligned64, Nothing, Sample, Tracked, Wide, no_value_left};

map_subject!(Plain<K, V>, HashMap<K, V>, check);
map_subject!(OneGroup<K, V>, HashMap<K, V, Degenerate>, check);
map_subject!(ByIdentity<K, V>, HashMap<K, V, Identity>, check);
map_subject!(Crowd<K, V>, HashMap<K, V, Crowded>, check);

/// The most entries of a map that is verified after every step.
const ALWAYS: usize = 200;

/// The most keys under a hash that puts them in one place: a look-up walks them all.
const CROWD: u64 = 300;

/// Runs the program that `bytes` spell, on the kind of map that the first of them picks.
///
/// # Panics
///
/// When the map and std's disagree, an invariant breaks, or a value is lost.
pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let program = decode(bytes);
    no_value_left(|| match kind % 9 {
        0 => on::<_, u64, u64>(Plain::default(), &program),
        1 => on::<_, u64, Tracked>(Plain::default(), &program),
        2 => on::<_, String, String>(Plain::default(), &program),
        3 => on::<_, u8, ()>(Plain::default(), &program),
        4 => on::<_, Nothing, Wide>(Plain::default(), &program),
        5 => on::<_, u64, Aligned64>(Plain::default(), &program),
        6 => on::<_, u64, u64>(ByIdentity::default(), &program),
        7 => on::<_, u64, Tracked>(OneGroup::default(), &few_keys(&program)),
        _ => {
            let map = HashMap::with_hasher(Crowded { groups: 5 });
            on::<_, u64, u64>(Crowd(map), &few_keys(&program));
        }
    });
}

fn on<M: MapSubject<K, V>, K: Sample, V: Sample>(map: M, program: &[Op]) {
    if let Err(failure) = run_checking(map, program, ALWAYS) {
        panic!("{failure}\nof {program:?}");
    }
}

/// Returns the program with its keys folded into a few.
fn few_keys(program: &[Op]) -> Vec<Op> {
    let fold = |op: &Op| match *op {
        Op::Insert(key, value) => Op::Insert(key % CROWD, value),
        Op::Remove(key) => Op::Remove(key % CROWD),
        Op::Get(key) => Op::Get(key % CROWD),
        Op::Entry(key, value) => Op::Entry(key % CROWD, value),
        other => other,
    };
    program.iter().map(fold).take(2_000).collect()
}

//! Sets, beside std's.

use std::collections::HashSet as StdSet;

use millpond_map::{HashSet, ScanCursor};

use super::{Op, is_due, picks, run_of};

/// Runs `program` on a set that is empty.
pub(crate) fn run(program: &[Op]) {
    let (mut ours, mut theirs) = (HashSet::<u64>::new(), StdSet::<u64>::new());
    for (nth, &op) in program.iter().enumerate() {
        step(&mut ours, &mut theirs, op);
        assert_eq!(ours.len(), theirs.len(), "step {nth}, {op:?}");
        if is_due(nth, ours.len())
            && let Err(broken) = ours.check()
        {
            panic!("step {nth}, {op:?}: {broken}");
        }
    }
    compare(&ours, &theirs);
}

fn compare(ours: &HashSet<u64>, theirs: &StdSet<u64>) {
    assert!(ours.iter().all(|element| theirs.contains(element)));
    assert!(theirs.iter().all(|element| ours.contains(element)));
}

fn step(ours: &mut HashSet<u64>, theirs: &mut StdSet<u64>, op: Op) {
    match op {
        Op::Insert(key) if key.is_multiple_of(2) => {
            assert_eq!(ours.insert(key), theirs.insert(key))
        }
        Op::Insert(key) => assert_eq!(ours.replace(key), theirs.replace(key)),
        Op::Remove(key) if key.is_multiple_of(2) => {
            assert_eq!(ours.remove(&key), theirs.remove(&key))
        }
        Op::Remove(key) => assert_eq!(ours.take(&key), theirs.take(&key)),
        Op::InsertRun(first, step, length) => {
            ours.extend(run_of(first, step, length));
            theirs.extend(run_of(first, step, length));
        }
        Op::RemoveRun(first, step, length) => {
            for key in run_of(first, step, length) {
                assert_eq!(ours.remove(&key), theirs.remove(&key));
            }
        }
        Op::Place(key) => {
            assert_eq!(*ours.get_or_insert_with(&key, |key| *key), key);
            theirs.insert(key);
        }
        Op::ExtractSome(n, some) => {
            for key in ours.extract_if(|key| picks(n, *key)).take(some) {
                assert!(picks(n, key) && theirs.remove(&key));
            }
        }
        Op::Extract(n) => {
            let taken = ours.extract_if(|key| picks(n, *key)).count();
            assert_eq!(taken, theirs.extract_if(|key| picks(n, *key)).count());
        }
        Op::Retain(n) => {
            ours.retain(|key| !picks(n, *key));
            theirs.retain(|key| !picks(n, *key));
        }
        Op::Rebuild(n) => {
            ours.rebuild(|key| !picks(n, *key));
            theirs.retain(|key| !picks(n, *key));
            compare(ours, theirs);
        }
        Op::Scan(budget) => {
            let (mut cursor, mut seen) = (ScanCursor::START, StdSet::new());
            while !cursor.is_done() {
                let visit = |key: &u64| assert!(theirs.contains(key) && seen.insert(*key));
                cursor = ours.scan(cursor, budget, visit).expect("its own cursor");
            }
            assert_eq!(&seen, theirs);
        }
        Op::DeleteScanned(n, budget) => {
            let mut cursor = ScanCursor::START;
            while !cursor.is_done() {
                let scanned = ours.delete_scanned(cursor, budget, |key| picks(n, *key));
                (cursor, _) = scanned.expect("its own cursor");
            }
            theirs.retain(|key| !picks(n, *key));
        }
        Op::DrainSome(some) => {
            ours.drain()
                .take(some)
                .for_each(|key| assert!(theirs.remove(&key)));
            theirs.clear();
        }
        Op::Reserve(additional) => ours.reserve(additional),
        Op::ShrinkTo(capacity) => ours.shrink_to(capacity),
        Op::ClearAndShrink => {
            ours.clear_and_shrink();
            theirs.clear();
        }
        Op::Clear => {
            ours.clear();
            theirs.clear();
        }
        Op::Clone(_) => {
            *ours = ours.clone();
            compare(ours, theirs);
        }
        Op::Others(key) => with_others(ours, theirs, key),
    }
}

/// Puts the sets in relation to those of a run of keys.
fn with_others(ours: &mut HashSet<u64>, theirs: &mut StdSet<u64>, key: u64) {
    let keys = || run_of(key, 1 + key % 5, key % 200);
    let (other, their_other): (HashSet<u64>, StdSet<u64>) = (keys().collect(), keys().collect());
    assert_eq!(ours.is_subset(&other), theirs.is_subset(&their_other));
    assert_eq!(ours.is_superset(&other), theirs.is_superset(&their_other));
    assert_eq!(ours.is_disjoint(&other), theirs.is_disjoint(&their_other));
    match key % 4 {
        0 => {
            *ours |= &other;
            theirs.extend(&their_other);
        }
        1 => {
            *ours &= &other;
            theirs.retain(|key| their_other.contains(key));
        }
        2 => {
            *ours -= &other;
            theirs.retain(|key| !their_other.contains(key));
        }
        _ => {
            *ours ^= &other;
            *theirs = &*theirs ^ &their_other;
        }
    }
    compare(ours, theirs);
}

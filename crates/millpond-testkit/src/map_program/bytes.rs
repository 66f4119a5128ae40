#![forbid(unsafe_code)]
//! Programs from bytes that anybody may have chosen, for fuzzing.
//!
//! ```text
//!   operation │ key, 2 bytes │ operation │ key, 2 bytes │ …
//! ```
//!
//! Every input is a program, and a byte that changes changes one operation: a fuzzer that
//! keeps what it found learns from it. What is cut off at the end reads as zeros.

use super::Op;

/// The most operations of a program, so that one input ends within a second.
const MAX_STEPS: usize = 6_000;

/// Returns the program that `bytes` spell.
pub fn decode(bytes: &[u8]) -> Vec<Op> {
    let mut program = Vec::new();
    for chunk in bytes.chunks(3) {
        if program.len() >= MAX_STEPS {
            break;
        }
        let at = |place: usize| chunk.get(place).copied().unwrap_or(0);
        let key = u64::from(u16::from_le_bytes([at(1), at(2)]));
        let value = key ^ 0x5a;
        // Half of all bytes insert or remove: the rest changes the map as a whole.
        match at(0) {
            0..80 => program.push(Op::Insert(key, value)),
            80..144 => program.push(Op::Remove(key)),
            144..168 => program.push(Op::Get(key)),
            168..192 => program.push(Op::Entry(key, value)),
            // Runs, or a map of a few thousand would take a fuzzer days to find.
            192..212 => program.extend(run(key).map(|key| Op::Insert(key, value))),
            212..228 => program.extend(run(key).map(Op::Remove)),
            228..232 => program.push(Op::Retain(2 + key % 7)),
            232..236 => program.push(Op::Reserve(key as usize % 5_000)),
            236..240 => program.push(Op::Shrink),
            240..244 => program.push(Op::Clone),
            244..248 => program.push(Op::Iterate),
            248..252 => program.push(Op::Drain),
            252..=255 => program.push(Op::Clear),
        }
    }
    program
}

/// Returns up to 512 keys from the one that the upper bits of `key` name: neighbours, or far
/// apart.
fn run(key: u64) -> impl Iterator<Item = u64> {
    let (length, step) = (1 + (key & 0x1ff), if key & 0x200 == 0 { 1 } else { 97 });
    let first = key >> 10 << 6;
    (0..length).map(move |nth| first + nth * step)
}

#[test]
fn every_input_is_a_program_and_short_ones_say_what_they_say() {
    assert_eq!(decode(&[]), []);
    assert_eq!(decode(&[0, 1, 0]), [Op::Insert(1, 0x5b)]);
    assert_eq!(decode(&[100, 1, 1, 200]).len(), 2);
    assert_eq!(decode(&[100, 1, 1])[0], Op::Remove(257));
    for byte in 0..=255 {
        assert!(!decode(&[byte, 7, 0]).is_empty());
    }
    assert!(decode(&[200; 100_000]).len() < MAX_STEPS + 512);
}

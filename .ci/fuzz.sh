#!/usr/bin/env bash
# Fuzzes the map for FUZZ_SECONDS (20 seconds unless set) after about 2 minutes
# of building. On stable Rust: coverage by the compiler's own pass, no sanitizer.
# With tiny blocks, so that maps of some hundred entries grow block by block. From the
# programs in fuzz/seeds on. What it finds is left in target/fuzz/found and fails the script.
set -eu
cd "$(dirname "$0")/.."
command -v c++ >/dev/null || { echo "SKIPPED: fuzzing, no C++ compiler for libFuzzer here"; exit 0; }
# A folder of its own: the flags would otherwise rebuild everything twice.
target="${CARGO_TARGET_DIR:-$PWD/target}/fuzz"
flags="--cfg millpond_tiny_blocks -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags="$flags -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
triple=$(rustc -vV | sed -n 's/^host: //p')
# With --target the flags reach neither build scripts nor macros, which have no fuzzer in them.
CARGO_TARGET_DIR="$target" RUSTFLAGS="$flags ${RUSTFLAGS:-}" cargo build --release --quiet \
  --target "$triple" --manifest-path crates/millpond-map/fuzz/Cargo.toml
mkdir -p "$target/corpus" "$target/found"
"$target/$triple/release/map" "$target/corpus" crates/millpond-map/fuzz/seeds -max_total_time="${FUZZ_SECONDS:-20}" \
  -max_len=6000 -len_control=0 -timeout=25 -rss_limit_mb=4096 -artifact_prefix="$target/found/" -print_final_stats=1

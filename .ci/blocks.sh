#!/usr/bin/env bash
# The tests of the map's table once more, built otherwise. About 5 minutes from clean on two
# cores, one minute after.
# With tiny blocks, so that tables of some kilobytes grow block by block and blocks overflow
# all the time; with the portable groups and with those of AArch64, its instructions emulated,
# which no table of this processor has else. And what AArch64 runs is compiled where its
# target is installed.
set -eu
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/blocks"
flags="${RUSTFLAGS:-}"

RUSTFLAGS="--cfg millpond_tiny_blocks $flags" cargo test --quiet -p millpond-map --lib \
  --test growth --test growth_refused --test model --test scan --test tidy --test fold \
  --test panic_safety --test panic_beyond_std --test rebuild --test fuzz

RUSTFLAGS="--cfg millpond_portable_groups $flags" cargo test --quiet -p millpond-map --lib \
  --test api --test model --test scan --test table --test tidy -- --skip random_programs_agree

RUSTFLAGS="--cfg millpond_emulated_neon $flags" cargo test --quiet -p millpond-map --lib \
  --test model --test scan --test table -- --skip random_programs_agree

target=aarch64-unknown-linux-gnu
if rustup target list --installed 2>/dev/null | grep -qx "$target"; then
  cargo check --quiet --target "$target" -p millpond-arena -p millpond-pool -p millpond-map
else
  echo "SKIPPED: groups of $target not compiled: rustup target add $target"
fi

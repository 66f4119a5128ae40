#!/usr/bin/env bash
# The tests of the map once more with tiny blocks, so that tables of some kilobytes grow
# block by block and blocks overflow all the time. About 3 minutes from clean on two cores,
# 40 seconds after.
set -eu
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg millpond_tiny_blocks ${RUSTFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/blocks"
cargo test --quiet -p millpond-map --lib --test growth --test growth_refused \
  --test model --test scan --test panic_safety --test rebuild

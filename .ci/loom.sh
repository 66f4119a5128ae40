#!/usr/bin/env bash
# Models of what threads do to each other, every order of events within a bound
# of preemptions (LOOM_MAX_PREEMPTIONS, 3 unless set). About 2 minutes from clean.
set -eu
cd "$(dirname "$0")/.."
export RUSTFLAGS="--cfg millpond_loom ${RUSTFLAGS:-}"
export LOOM_MAX_PREEMPTIONS="${LOOM_MAX_PREEMPTIONS:-3}"
# A model is run some hundred thousand times.
export CARGO_PROFILE_TEST_OPT_LEVEL=1
# A folder of its own: the flags would otherwise rebuild everything twice.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom"

for package in millpond-arena millpond-pool millpond-map; do
  test -f "crates/$package/tests/loom.rs" || { echo "$package has no loom models"; continue; }
  cargo test -p "$package" --test loom
done

#!/usr/bin/env bash
# The tests of the pools under bad luck (random drops, steals, ticks). About 1 minute
# from clean.
set -eu
cd "$(dirname "$0")/.."
cargo test -p millpond-pool --features chaos --no-fail-fast

#!/usr/bin/env bash
# Our own crate and all its tests, built by rustc under the library and run under it.
# About a minute. rustc brings a malloc of its own: a copy without it is used.
set -eu -o pipefail
library=$1 folder=$2
here=$(dirname "$0")
sysroot=$(rustc --print sysroot)
"$here/without_malloc.py" "$sysroot/bin/rustc" "$folder/rustc"
chmod +x "$folder/rustc"
export LD_LIBRARY_PATH=$sysroot/lib RUSTC=$folder/rustc LD_PRELOAD=$library
used=$(LD_DEBUG=bindings "$RUSTC" -vV 2>&1 | grep -c "librustc_driver.*to .*libmillpond_preload.* .malloc'")
test "$used" -gt 0
cargo test --quiet --target-dir "$folder/target" -p millpond-arena --lib --tests

#!/usr/bin/env bash
# The live page in a browser without a window: it draws, updates, alarms, and
# nothing complains. About 30 seconds after the examples are built.
# `.ci/page.sh pictures` also takes the pictures of docs/observability anew, in
# some minutes.
set -eu -o pipefail
cd "$(dirname "$0")/.."
command -v chromium >/dev/null ||
  { apt-get update && apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1 ||
  { echo "page left out: chromium is not here and could not be installed"; exit 0; }

if [ "${1:-}" = pictures ]; then
  cargo build --release -p millpond-examples --example request_server
  export MILLPOND_PICTURES="$PWD/docs/observability"
  export MILLPOND_DEMO="${CARGO_TARGET_DIR:-$PWD/target}/release/examples/request_server"
fi
cargo build -p millpond-examples --example request_server --profile test
said=$(MILLPOND_BROWSER=chromium cargo test -p millpond-examples --test page -- --nocapture)
printf '%s\n' "$said"

# The two bars: the page is small, and what it first draws is there at once.
bytes=$(wc -c <crates/millpond-observe/src/page/page.html)
test "$bytes" -le 61440 || { echo "the page has $bytes bytes, 61440 at most"; exit 1; }
first=$(printf '%s\n' "$said" | sed -n 's/^first chart after \([0-9]*\) ms$/\1/p')
test "${first:-9999}" -lt 1000 || { echo "the first chart came after ${first:-no} ms, 1000 at most"; exit 1; }
echo "page: $bytes bytes, first chart after $first ms"

#!/usr/bin/env bash
# The README's demo as written there, for 3 seconds. About 5 minutes from clean:
# it is built as a user builds it, with link-time optimisation. What the small
# examples print is held by examples/tests/outputs.rs, in `cargo test`.
set -eu
cd "$(dirname "$0")/.."
command=$(sed -n '/^## See it/,/^## /{/^cargo run/p;}' README.md | head -n 1)
test -n "$command" || { echo "README.md has no cargo run line under '## See it'"; exit 1; }
bash -c "$command --seconds 3"

for file in examples/*.rs; do
  name=$(basename "$file" .rs)
  grep -q "\"$name\"" examples/tests/*.rs || { echo "no test runs the example $name"; exit 1; }
done

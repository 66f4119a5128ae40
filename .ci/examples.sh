#!/usr/bin/env bash
# Runs every example and compares what it prints with the block under "Prints:"
# in its header, where it has one. About 5 minutes from clean: the server is
# built as the README builds it, with link-time optimisation.
set -eu
cd "$(dirname "$0")/.."
passed=0 failed=0

for file in examples/*.rs; do
  name=$(basename "$file" .rs)
  case "$name" in
    request_server) run=(--release --example "$name" -- --demo --seconds 3) ;;
    *) run=(--profile test --example "$name") ;;
  esac
  printf '%s: ' "$name"
  if ! printed=$(cargo run --quiet -p millpond-examples "${run[@]}" 2>&1); then
    printf 'failed\n%s\n' "$printed"
    failed=$((failed + 1))
    continue
  fi
  wanted=$(awk '/^\/\/! Prints:/ { on = 1; next }
                on && /^\/\/! ```/ { if (inside++) exit; next }
                inside { sub(/^\/\/! ?/, ""); print }' "$file")
  if [ -n "$wanted" ] && ! diff <(printf '%s\n' "$wanted") <(printf '%s\n' "$printed"); then
    echo "prints something else than its header says (<)"
    failed=$((failed + 1))
    continue
  fi
  [ -n "$wanted" ] && echo "prints what its header says" || echo "runs"
  passed=$((passed + 1))
done
echo "test result: examples. $passed passed; $failed failed;"
test "$failed" -eq 0

#!/usr/bin/env bash
# Format, lints, docs, and the facade with each feature alone: what a reviewer
# should not have to say. About 4 minutes from clean, seconds after a small change.
set -eu
cd "$(dirname "$0")/.."
cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
for feature in arena axum bumpalo bytes chaos derive map metrics observe opentelemetry page pool \
  prometheus rayon serde static-tls tokio tracing; do
  cargo check --quiet -p millpond --no-default-features --features "$feature"
done
.ci/targets.sh
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The words and lengths that the house asks of these scripts themselves.
for script in .ci/run .ci/*.sh; do
  lines=$(wc -l <"$script")
  test "$lines" -le 40 || { echo "$script has $lines lines, 40 at most"; exit 1; }
  sed -n 2,4p "$script" | grep -qiE 'minute|second' || { echo "$script does not state its time"; exit 1; }
done

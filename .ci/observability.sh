#!/usr/bin/env bash
# Alert rules and dashboard: promtool's tests, then a real Prometheus beside the
# example server, in which every query has data and every planted fault its
# alert. About 90 seconds after the examples are built.
set -eu
cd "$(dirname "$0")/.."
command -v promtool >/dev/null ||
  { apt-get update && apt-get install -y --no-install-recommends prometheus; } >/dev/null 2>&1 ||
  { echo "observability left out: prometheus is not here and could not be installed"; exit 0; }

(cd docs/observability && promtool check rules alerts.yml && promtool test rules alerts_test.yml)
cargo build -p millpond-examples --example request_server --profile test
MILLPOND_PROMETHEUS=prometheus cargo test -p millpond-examples --test prometheus -- --nocapture

#!/usr/bin/env bash
# Programs that know nothing of millpond, run under the preloaded library, and
# the C family's own tests. About 3 minutes. Installs redis and sqlite3 with
# apt-get where they are missing, and says so where it cannot.
set -eu -o pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

install() {
  command -v "$1" >/dev/null && return
  { apt-get update && apt-get install -y --no-install-recommends "$2"; } >/dev/null 2>&1 || true
  command -v "$1" >/dev/null || { echo "$1 is missing and $2 cannot be installed"; exit 1; }
}
install redis-server redis-server
install sqlite3 sqlite3
install gcc gcc
install python3 python3
install objdump binutils

cargo build --quiet --release -p millpond-preload
library=$(realpath "$target")/release/libmillpond_preload.so
.ci/preload/no_tls_call.py "$library"
cargo test --quiet -p millpond-preload

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for program in redis sqlite python gcc rustc; do
  mkdir "$scratch/$program"
  started=$SECONDS
  .ci/preload/"$program".sh "$library" "$scratch/$program"
  echo "$program: well, after $((SECONDS - started))s"
done

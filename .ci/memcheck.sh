#!/usr/bin/env bash
# The tables' and the pool's tests under valgrind: reads of bytes never written,
# past the end, after the free, and leaks. About 3 minutes after the tests are built.
# (The arena maps its own memory, which valgrind cannot look into.)
set -eu
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "SKIPPED: memory check: no valgrind here"; exit 0; }

check() {
  binary=$(cargo test --no-run -p "$1" --test "$2" 2>&1 | sed -n 's/^ *Executable.*(\(.*\))$/\1/p')
  echo "memcheck: $1 --test $2"
  RUST_TEST_THREADS=1 valgrind --quiet --error-exitcode=99 --leak-check=full \
    --errors-for-leak-kinds=definite --show-leak-kinds=definite "$binary" "${@:3}"
}
check millpond-map memcheck
check millpond-map scope_values
# Shards know no allocator but the arena's, unless they are built for this; in a folder of its
# own, as the flag would otherwise rebuild everything twice.
RUSTFLAGS="--cfg millpond_system_slabs ${RUSTFLAGS:-}" \
  CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/memcheck" check millpond-map memcheck_shared
# One test there leaks on purpose.
check millpond-pool api --skip a_forgotten_guard_leaks
check millpond-pool panic_safety

#!/usr/bin/env bash
# The table's and the pool's tests under valgrind: reads of bytes never written,
# past the end, after the free, and leaks. About 2 minutes after the tests are built.
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
# One test there leaks on purpose.
check millpond-pool api --skip a_forgotten_guard_leaks
check millpond-pool panic_safety

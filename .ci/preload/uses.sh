#!/usr/bin/env bash
# Fails unless the program, run with these arguments, finds malloc in the library:
# a library that cannot be preloaded is left out by the loader, with a line on
# standard error and an exit code of zero. Less than a second.
set -eu -o pipefail
library=$1 said=$(mktemp)
shift
trap 'rm -f "$said"' EXIT
LD_DEBUG=bindings LD_PRELOAD=$library "$@" >/dev/null 2>"$said" </dev/null
if grep -q 'cannot be preloaded' "$said" ||
  ! grep -q "to .*$(basename "$library") .*symbol \`malloc'" "$said"; then
  echo "$1 does not run under $library"
  exit 1
fi

#!/usr/bin/env bash
# Instructions per operation on the fast paths, against benches/golden/*.txt.
# About 3 minutes from clean, 20 seconds after. `.ci/golden.sh bless` writes the
# files anew, so that a path that got slower for a reason is a line in a diff.
set -eu
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "SKIPPED: golden counts: no valgrind here"; exit 0; }
cargo build --quiet --release -p millpond-bench --bin golden
golden="${CARGO_TARGET_DIR:-target}/release/golden"
passed=0 failed=0

# Instructions of one whole run with $2 operations of row $1.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$golden" "$1" "$2" 2>&1 |
    awk '/Collected/ { print $NF }'
}

for row in $("$golden" list); do
  # The difference of two runs is what the operations cost, without the start.
  few=$(count "$row" 2000) many=$(count "$row" 22000)
  now=$(awk "BEGIN { printf \"%.1f\", ($many - $few) / 20000 }")
  file="benches/golden/$row.txt"
  if [ "${1:-}" = bless ]; then echo "$now" >"$file"; fi
  was=$(cat "$file" 2>/dev/null || echo 0)
  # 4 % or one instruction, whichever is more: compilers differ in a patch release.
  case $(awk -v now="$now" -v was="$was" 'BEGIN { d = now - was; t = was * 0.04; if (t < 1) t = 1
           if (d > t) print "worse"; else if (d < -t) print "better"; else print "same" }') in
    same) verdict=ok passed=$((passed + 1)) ;;
    better) verdict="ok, and better: bless it" passed=$((passed + 1)) ;;
    worse) verdict="WORSE: mend it, or bless it with a reason" failed=$((failed + 1)) ;;
  esac
  printf '%-24s %8s instructions, %8s on record  %s\n' "$row" "$now" "$was" "$verdict"
done
echo "test result: golden counts. $passed passed; $failed failed;"
test "$failed" -eq 0

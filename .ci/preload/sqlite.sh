#!/usr/bin/env bash
# SQLite under the library: inserts, indices, updates, deletes and a vacuum, then
# its own integrity check, and a sum that must be that under glibc's malloc.
# A few seconds.
set -eu -o pipefail
library=$1 folder=$2
"$(dirname "$0")/uses.sh" "$library" sqlite3 -version
cat >"$folder/work.sql" <<'SQL'
PRAGMA journal_mode = WAL;
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, payload BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
  INSERT INTO t SELECT i, 'name ' || (i * 7919 % 150001), zeroblob(i % 300) FROM n;
CREATE INDEX by_name ON t (name);
UPDATE t SET payload = zeroblob(5000 + id % 70000) WHERE id % 1500 = 0;
DELETE FROM t WHERE id % 3 = 0 AND id % 1500 <> 0;
CREATE TABLE u AS SELECT name, group_concat(id) AS ids, sum(length(payload)) AS bytes FROM t GROUP BY substr(name, 1, 7);
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(length(payload)), sum(length(name)) FROM t;
SELECT count(*), sum(bytes), sum(length(ids)) FROM u;
SQL
LD_PRELOAD=$library sqlite3 "$folder/ours.db" <"$folder/work.sql" >"$folder/ours" 2>&1
sqlite3 "$folder/theirs.db" <"$folder/work.sql" >"$folder/theirs"
grep -qx ok "$folder/ours"
cmp "$folder/ours" "$folder/theirs"
cmp "$folder/ours.db" "$folder/theirs.db"

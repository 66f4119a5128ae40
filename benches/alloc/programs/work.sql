PRAGMA journal_mode = MEMORY;
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, payload TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
  INSERT INTO t SELECT i, 'name ' || (i * 7919 % 60013), printf('%.*c', i % 200 + 1, 'x') FROM n;
CREATE INDEX by_name ON t (name);
SELECT count(*), sum(length(ids)) FROM
  (SELECT group_concat(id) AS ids FROM t GROUP BY substr(name, 1, 8));
SELECT count(*), max(total) FROM
  (SELECT sum(length(a.payload || b.name)) AS total FROM t a JOIN t b ON b.name = a.name GROUP BY a.id % 5000);
UPDATE t SET payload = upper(payload) || json_object('id', id, 'name', name) WHERE id % 2 = 0;
SELECT sum(length(payload)), sum(json_extract(substr(payload, 2 + id % 200), '$.id')) FROM t WHERE id % 2 = 0;

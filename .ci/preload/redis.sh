#!/usr/bin/env bash
# A Redis server under the library: a load of every kind of value, a snapshot by
# a forked child beside it, and a second server that reads the snapshot back.
# About 15 seconds.
set -eu -o pipefail
library=$1 folder=$2 socket=$2/socket
ask() { redis-cli -s "$socket" "$@"; }

start() {
  LD_PRELOAD=$library redis-server --port 0 --unixsocket "$socket" --dir "$folder" --save '' \
    --io-threads 2 --activedefrag no --lazyfree-lazy-user-del yes >"$folder/log" 2>&1 &
  server=$!
  for _ in $(seq 100); do ask ping 2>/dev/null | grep -q PONG && return; sleep 0.1; done
  cat "$folder/log"; exit 1
}
stop() { ask shutdown nosave >/dev/null 2>&1 || true; wait "$server"; }

start
grep -q libmillpond_preload "/proc/$server/maps"
redis-benchmark -s "$socket" -q -n 15000 -r 10000 -P 16 -d 200 \
  -t set,get,incr,lpush,rpush,lpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset >"$folder/load"
redis-benchmark -s "$socket" -q -n 50000 -r 20000 -P 16 -d 900 -t set,hset >"$folder/load2" &
load=$!
before=$(ask lastsave)
sleep 1.1
ask bgsave >/dev/null
while [ "$(ask lastsave)" = "$before" ]; do sleep 0.1; done
wait "$load"
ask info persistence | grep -q 'rdb_last_bgsave_status:ok'
ask flushall >/dev/null
ask memory purge >/dev/null
redis-benchmark -s "$socket" -q -n 20000 -r 5000 -P 16 -d 60 -t set >"$folder/load3"
ask debug sleep 0 >/dev/null 2>&1 || true
ask save >/dev/null
keys=$(ask dbsize)
stop
redis-check-rdb "$folder/dump.rdb" | grep -q 'RDB looks OK'
start
test "$(ask dbsize)" = "$keys" || { echo "$keys keys were saved, $(ask dbsize) came back"; exit 1; }
stop

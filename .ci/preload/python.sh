#!/usr/bin/env bash
# CPython under the library, its own small-block allocator switched off: threads
# that share objects, and children forked while they do. A few seconds.
set -eu -o pipefail
library=$1 folder=$2
cat >"$folder/work.py" <<'PY'
import json, os, queue, re, threading, zlib

assert "libmillpond_preload" in open("/proc/self/maps").read()
results, handed = [], queue.Queue(200)

def work(n):
    rows = []
    for i in range(6000):
        rows.append({"id": i, "text": f"{n}-{i}" * (i % 40), "list": list(range(i % 50))})
        if i % 50 == 0:
            handed.put(rows[-30:])
        if i % 1500 == 0:
            rows = json.loads(json.dumps(rows[-200:]))
    results.append(zlib.crc32(repr(rows[-100:]).encode()))

def drop():
    while (rows := handed.get()) is not None:
        rows.clear()

dropper = threading.Thread(target=drop)
dropper.start()
threads = [threading.Thread(target=work, args=(n % 2,)) for n in range(6)]
for thread in threads:
    thread.start()
for n in range(25):
    child = os.fork()
    if child == 0:
        text = " ".join(str(i) for i in range(20000))
        table = {word: [word] * 3 for word in re.findall(r"\d+", text)}
        os._exit(7 if len(table) == 20000 and bytearray(3_000_000).count(0) == 3_000_000 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
for thread in threads:
    thread.join()
handed.put(None)
dropper.join()
assert len(set(results)) == 2, results
print("ok")
PY
LD_PRELOAD=$library PYTHONMALLOC=malloc python3 "$folder/work.py" | grep -qx ok
LD_PRELOAD=$library python3 "$folder/work.py" | grep -qx ok

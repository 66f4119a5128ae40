# Objects of all small sizes, made and dropped; run with PYTHONMALLOC=malloc, so
# that each of them is a block of the C library.
import json
import re

text = " ".join(f"word{n * 7919 % 5003} {n}" for n in range(40_000))
count = {}
for word in re.findall(r"[a-z]+\d+|\d+", text):
    count[word] = count.get(word, 0) + 1
rows = [{"id": n, "tags": [str(t) for t in range(n % 9)], "name": f"row {n}"} for n in range(20_000)]
for _ in range(3):
    rows = json.loads(json.dumps(rows))
rows.sort(key=lambda row: (len(row["tags"]), row["name"]))
tree = None
for n in range(60_000):
    tree = (n, tree, [n]) if n % 1000 else (n, None, [])
joined = ",".join(sorted(count, key=count.get)[:2000])
print(len(count), len(rows), rows[777]["name"], len(joined), tree[0])

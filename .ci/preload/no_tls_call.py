#!/usr/bin/env python3
"""Proves that no function of C's family asks the loader for thread-local memory.

__tls_get_addr may allocate, so a malloc that calls it can call itself for ever.
Reads the library's code with objdump, follows calls, jumps and addresses taken
from each exported function, and names the path to the first one that leads there.

What only a panic reaches is not followed: nothing in the family panics but by a
bug of its own, and a panic there aborts.
"""

import re
import subprocess
import sys

FAMILY = """malloc free calloc realloc reallocarray posix_memalign aligned_alloc memalign valloc
pvalloc malloc_usable_size cfree free_sized free_aligned_sized malloc_trim""".split()
PANICS = re.compile(r"core9panicking|core\d+option|core\d+result|panic_|slice_.*_fail|unwrap_failed")


def functions(library):
    """Returns {name: names that its code mentions}; a function may have several names."""
    code = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", library], capture_output=True, text=True, check=True
    ).stdout
    table = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    names = {}
    for address, _, name in (line.split() for line in table.splitlines()):
        names.setdefault(int(address, 16), []).append(name)
    mentions, here = {}, None
    for line in code.splitlines():
        if start := re.match(r"([0-9a-f]+) <(.+)>:$", line):
            here = mentions.setdefault(start[2], set())
            for name in names.get(int(start[1], 16), ()):
                mentions[name] = here
        elif here is not None:
            here.update(re.findall(r"<([^>+]+)(?:@plt)?(?:@[\w.]+)?(?:\+0x[0-9a-f]+)?>", line))
    return mentions


def main():
    library = sys.argv[1]
    mentions = functions(library)
    missing = [name for name in FAMILY if name not in mentions]
    if missing:
        sys.exit(f"{library} does not define {', '.join(missing)}")
    paths = {name: [name] for name in FAMILY}
    queue = list(FAMILY)
    for name in queue:
        for next_name in mentions.get(name, ()):
            if "__tls_get_addr" in next_name or "__tls_desc" in next_name:
                sys.exit("asks the loader: " + " -> ".join(paths[name] + [next_name]))
            if next_name not in paths and not PANICS.search(next_name):
                paths[next_name] = paths[name] + [next_name]
                queue.append(next_name)
    relocations = subprocess.run(
        ["readelf", "-rW", library], capture_output=True, text=True, check=True
    ).stdout
    if "R_X86_64_TPOFF64" not in relocations:
        sys.exit("no thread-local memory at a fixed place: was the feature static-tls lost?")
    print(f"{len(FAMILY)} functions, {len(paths)} reached: none calls __tls_get_addr")


main()

#!/usr/bin/env python3
"""Copies a program and takes the C family's definitions out of the copy.

rustc brings a malloc of its own, which comes before a preloaded one. In the copy
the names are still looked up, but no longer found in the program itself.
"""

import struct
import sys

FAMILY = set(b"""malloc free calloc realloc reallocarray posix_memalign aligned_alloc memalign
valloc pvalloc malloc_usable_size cfree free_sized free_aligned_sized""".split())
SHT_DYNSYM = 11

source, target = sys.argv[1:]
image = bytearray(open(source, "rb").read())
sections_at, = struct.unpack_from("<Q", image, 40)
size, count = struct.unpack_from("<HH", image, 58)
sections = [struct.unpack_from("<IIQQQQIIQQ", image, sections_at + i * size) for i in range(count)]
_, _, _, _, at, length, names, _, _, entry = next(s for s in sections if s[1] == SHT_DYNSYM)
names_at = sections[names][4]
taken = 0
for symbol in range(at, at + length, entry):
    start = names_at + struct.unpack_from("<I", image, symbol)[0]
    if bytes(image[start : image.index(0, start)]) in FAMILY:
        struct.pack_into("<HQ", image, symbol + 6, 0, 0)
        taken += 1
open(target, "wb").write(image)
print(f"{taken} definitions taken out")

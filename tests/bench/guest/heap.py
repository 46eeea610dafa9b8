"""After rig.py and `APDUS = …`: what the heap looks like, and that it does not grow. The text that runs is in it too, with its board."""


def used():
    gc.collect()
    return gc.mem_alloc()


def largest():
    """Bytes of the largest object that could be made now."""
    low, high = 0, gc.mem_free()
    while high - low > 16:
        middle = (low + high) // 2
        gc.collect()
        try:
            bytearray(middle)
            low = middle
        except MemoryError:
            high = middle
    return low


for _ in range(50):
    apdu()
used()
before = used()
for _ in range(APDUS):
    apdu()
found = {"grown": used() - before, "largest": largest(), "apdus": APDUS}
found["in_step"] = host.number == terminal.server._last
print(json.dumps(found))

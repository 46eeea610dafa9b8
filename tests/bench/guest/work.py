"""After rig.py: instructions of the firmware's work, with the bytes already in the receive buffer."""

slot, port = terminal.slots[0], board.slots[0]


def ring(answer):
    transmit(answer)
    n = count(slot.poll, board.ms)
    assert slot.link_state == 2 and not slot.busy and slot.status == 0
    return n


def alone(work):
    """Each byte of the answer comes by itself: the mean of what `work` does with one."""
    transmit(b"")
    n = 0
    for c in BLOCK:
        port.load(bytes((c,)))
        n += count(work, board.ms)
    assert not slot.busy and slot.status == 0
    return n // len(BLOCK)


def frame():
    """A PING of 64 bytes in the receiver's buffer: checked, dispatched; the operation itself does not run."""
    data = host.frame(_link.OP_PING, bytes(64 - 18))
    assert len(data) == 64
    line = terminal.server._lines[0]
    line.receiver.room()[:64] = data
    line.receiver.got(64, board.ms)
    n = count(terminal.server._take, line)
    terminal.server._job.close()
    terminal.server._job = None
    return n


for _ in range(3):
    apdu()
gc.collect()
found = {"block": ring(BLOCK) // len(BLOCK), "single": ring(SINGLE) // len(SINGLE)}
found["alone"] = alone(slot.poll)
found["turn-with-a-byte"] = alone(turn)
found["idle-turn"] = count(turn, 0)
gc.collect()
for _ in range(3):
    found["apdu"], found["apdu-heap"] = apdu()
found["collection"] = count(lambda _: gc.collect(), 0)
step = type(terminal.server)._step
type(terminal.server)._step = lambda self: None
for _ in range(3):
    found["frame"] = frame()
type(terminal.server)._step = step
print(json.dumps(found))

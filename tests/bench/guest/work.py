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


def arrive(server, body, end):
    global arrived
    arrived = mem32[_VALUE]


def frame():
    """A PING of 64 bytes in the receiver's buffer, until its operation is called: that one only says when."""
    data = host.frame(_link.OP_PING, bytes(64 - 18))
    assert len(data) == 64
    line = terminal.server._lines[0]
    line.receiver.room[:64] = data
    line.receiver.got(64, board.ms)
    server = terminal.server
    ping = server._table[_link.OP_PING]
    server._table[_link.OP_PING] = arrive
    before = mem32[_VALUE]
    server._take(line)
    server._go_on()
    server._table[_link.OP_PING] = ping
    turns(2)  # its answer goes out
    return (before - arrived) * 40 // 64 - call


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
for _ in range(3):
    found["frame"] = frame()
print(json.dumps(found))

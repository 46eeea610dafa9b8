# A board's `main.py` (MicroPython) whose own USB port gives back what it gets; FIRMWARE is set, PLANT may be, by the test.
# At 9600 bit/s it looks at its port once in 50 turns. Its REPL's port tells when the other one is opened and closed.
import os
import select
import sys

sys.path.insert(0, FIRMWARE)  # noqa: F821
import machine

machine.attach(dict(item.split("=", 1) for item in os.getenv("TOURNEE_BOARD").split())["usb"][5:])
from tournee_fw.hal import cdc  # noqa: E402

PLANT(cdc)  # noqa: F821
link = cdc.CdcLink()
waiting = select.poll()
waiting.register(link.stream, select.POLLIN)
buffer = memoryview(bytearray(1000))
n = at = turn = 0
was = False
while True:
    for _ in waiting.ipoll(2):
        pass
    turn += 1
    link.poll(turn)
    if link.connected != was:
        was = link.connected
        print("opened" if was else f"closed {int.from_bytes(link._coding[:4], 'little')}")
    slow = link._coding[:4] == b"\x80\x25\x00\x00"
    if at == n and not (slow and turn % 50):
        at, n = 0, link.read_into(buffer)
    if at < n:
        at += link.write(buffer[at:n])

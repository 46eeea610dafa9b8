"""The wired link on a serial port of its own beside the REPL's: CDC ACM on `machine.USBDevice` (MicroPython 1.24 or later).

SPEC USB 2.0 chapter 9, CDC 1.2 with its PSTN subclass; IMPL extmod/machine_usb_device.c: both high. MicroPython calls back between two
byte codes, so each field below is written by one side only. Why not micropython-lib's `usb-device-cdc`: docs/BOARDS.md.
"""

import io
from struct import unpack_from

import micropython
from machine import USBDevice  # type: ignore[attr-defined] (the unix port, whose stubs are read, has none)
from micropython import const

from tournee_fw.link import Transport

from .usb import CTRL_C, flush_repl

PORT_NAME = "Tournee"
"""Name of the interface: how a host tells this port from the REPL's (host/tournee/link/adapters/usbports.py)."""
_PACKET = const(64)  # of a bulk endpoint at full speed
_PACKETS = const(8)
_TURN = const(15)  # counters of packets run to twice their number: full and empty differ
_TRANSFER = const(256)
_IN = const(0x80)
_SETUP = const(1)
_TO_US, _FROM_US = const(0x21), const(0xA1)  # class requests to an interface
_SET_CODING, _GET_CODING, _SET_LINES = const(0x20), const(0x21), const(0x22)
_POLL = const(3)  # MP_STREAM_POLL


def function(itf: int, ep: int, text: int) -> bytes:
    """Descriptors of a CDC ACM function: interfaces `itf` and `itf` + 1, endpoints `ep` (notices) and `ep` + 1, string `text`."""
    return bytes(
        (8, 11, itf, 2, 2, 2, 0, text)  # the two interfaces are one function
        + (9, 4, itf, 0, 1, 2, 2, 0, text)
        + (5, 0x24, 0, 0x20, 1)  # CDC 1.2
        + (5, 0x24, 1, 0, itf + 1)  # no calls
        + (4, 0x24, 2, 2)  # line coding and control lines, no break
        + (5, 0x24, 6, itf, itf + 1)
        + (7, 5, ep | _IN, 3, 8, 0, 16)
        + (9, 4, itf + 1, 0, 2, 10, 0, 0, 0)
        + (7, 5, ep + 1, 2, _PACKET, 0, 0)
        + (7, 5, ep + 1 | _IN, 2, _PACKET, 0, 0)
    )


class CdcLink(io.IOBase, Transport):  # type: ignore[misc] (IOBase: `select.poll` asks `ioctl`)
    """Connected while a program on the host holds the port open (DTR). Nothing here waits."""

    name = "usb"
    repl = True

    def __init__(self):
        """Activates the port: the host sees the board leave and come back with both."""
        self.stream = self
        self.connected = False
        self._dtr = self._open = False
        # How often the host went; of that seen by `poll`, and by `read_into`
        self._losses = self._told = self._dropped = 0
        self._coding = bytearray(
            b"\x00\xc2\x01\x00\x00\x00\x08"
        )  # 115 200 8N1: kept and given back, it means nothing here
        ring = memoryview(bytearray(_PACKET * _PACKETS))
        self._packets = [ring[at : at + _PACKET] for at in range(0, len(ring), _PACKET)]
        self._lengths = bytearray(_PACKETS)
        self._head = self._tail = self._at = 0  # packets received, packets read, bytes read of the next one
        self._from = 0  # head when the host went: what lies before it is not read any more
        self._armed = False  # the host may send a packet
        self._buffers = (memoryview(bytearray(_TRANSFER)), memoryview(bytearray(_TRANSFER)))
        self._fill = self._n = 0  # buffer that takes what is written, and how much it holds
        self._filling = self._busy = self._whole = False
        micropython.kbd_intr(-1)  # nobody may end the firmware by a byte on the REPL's port
        usb = self._usb = USBDevice()
        usb.active(False)
        builtin = usb.builtin_driver = usb.BUILTIN_DEFAULT
        self._itf, self._ep = builtin.itf_max, builtin.ep_max + 1
        config = bytearray(builtin.desc_cfg) + function(self._itf, builtin.ep_max, builtin.str_max)
        config[2:4] = len(config).to_bytes(2, "little")
        config[4] += 2
        usb.config(
            builtin.desc_dev,
            config,
            {builtin.str_max: PORT_NAME},
            self._opened,
            self._reset,
            self._control,
            self._done,
        )
        usb.active(True)

    # --- the loop ----------------------------------------------------------------------------------------------------

    def poll(self, now):
        """A host that went and came back between two turns has gone, too."""
        losses = self._losses
        self.connected = self._dtr and losses == self._told
        self._told = losses
        self._receive()
        self._send()

    def ioctl(self, request, flags):
        if request != _POLL:
            return -22
        unread = self._tail if self._dropped == self._losses else self._from
        ready = 1 if unread != self._head or self._dtr != self.connected else 0
        if self._n < _TRANSFER:
            ready |= 4
        return ready & flags

    def read_into(self, buf):
        while self._dropped != self._losses:
            self._dropped = self._losses
            self._tail, self._at = self._from, 0
        n = 0
        while n < len(buf) and self._tail != self._head:
            slot = self._tail % _PACKETS
            size = min(self._lengths[slot] - self._at, len(buf) - n)
            buf[n : n + size] = self._packets[slot][self._at : self._at + size]
            n += size
            self._at += size
            if self._at == self._lengths[slot]:
                self._at = 0
                self._tail = self._tail + 1 & _TURN
                self._receive()
        return n

    def write(self, mv):
        if not self._dtr:
            return 0
        self._filling = True
        at = self._n
        n = min(len(mv), _TRANSFER - at)
        self._buffers[self._fill][at : at + n] = mv[:n]
        self._n = at + n
        self._filling = False
        self._send()
        return n

    def close(self):
        """The REPL's port again listens to Ctrl-C; what came there meanwhile is no input. Our port stays, silent, until the reset."""
        flush_repl()
        micropython.kbd_intr(CTRL_C)

    # --- USB ---------------------------------------------------------------------------------------------------------

    def _receive(self):
        """Let the host send a packet if there is room for it; else it waits."""
        if self._open and not self._armed and (self._head - self._tail & _TURN) < _PACKETS:
            self._armed = True
            if not self._submit(self._ep, self._packets[self._head % _PACKETS]):
                self._armed = False

    def _send(self):
        """Hand over what is written. A transfer that ends with a full packet needs an empty one: the host would wait for more."""
        n = self._n
        if self._busy or self._filling or not self._open or not (n or self._whole):
            return
        self._busy = True
        buffer = self._buffers[self._fill]
        if n:
            self._fill ^= 1
            self._n = 0
        self._whole = n > 0 and not n % _PACKET
        if not self._submit(self._ep | _IN, buffer[:n]):
            self._reset()  # what was accepted is lost, hence the link

    def _submit(self, ep, buffer):
        try:
            return self._usb.submit_xfer(ep, buffer)
        except OSError:  # the bus goes, or is not there yet
            return False

    def _gone(self):
        self._dtr = False
        self._from = self._head
        self._losses += 1
        self._n = 0

    def _reset(self):
        self._gone()
        self._open = self._armed = self._busy = self._whole = False

    def _opened(self, descriptors):
        self._reset()
        self._open = True
        self._receive()

    def _control(self, stage, request):
        """True: go on; False: refuse; a buffer: what is sent or filled. The last two stages need no answer but True."""
        kind, what, value, index = unpack_from("<BBHH", request)
        if index != self._itf or kind not in (_TO_US, _FROM_US):
            return False
        if stage != _SETUP:
            return True
        if (kind, what) in ((_TO_US, _SET_CODING), (_FROM_US, _GET_CODING)):
            return self._coding
        if (kind, what) != (_TO_US, _SET_LINES):
            return False
        if not value & 1:
            self._gone()
        else:
            self._dtr = True
        return True

    def _done(self, ep, result, n):
        if ep == self._ep:
            self._armed = False
            if not result and n and self._dtr:
                self._lengths[self._head % _PACKETS] = n
                self._head = self._head + 1 & _TURN
            self._receive()
        elif ep == self._ep | _IN:
            self._busy = False
            self._send()
        return True

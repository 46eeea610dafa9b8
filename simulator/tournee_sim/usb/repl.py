"""The built-in port: CDC ACM in C, between the host and the standard input and output of MicroPython (a pseudo terminal).

[IMPL shared/tinyusb/mp_usbd_cdc.c, tinyusb/src/class/cdc/cdc_device.c: high]
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Final

from tournee_sim.usb.descriptors import PACKET
from tournee_sim.usb.device import Setup, Stall
from tournee_sim.usb.pipes import InPipe, OutPipe

_OUT, _IN = 0x02, 0x82
_SET_CODING, _GET_CODING, _SET_LINES, _SEND_BREAK = 0x20, 0x21, 0x22, 0x23
_FIFO: Final = 256
"""What is kept for a host that does not listen: the newest bytes."""
_ROOM: Final = 4096


class ReplPort:
    """`line` is the end of the pseudo terminal whose other end MicroPython has as its standard streams."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._coding = bytes((0, 0xC2, 1, 0, 0, 0, 8))
        self._to_board = bytearray()
        self._to_host = bytearray()
        self.pipes: Mapping[int, InPipe | OutPipe] = {}
        self.reset()
        os.set_blocking(line, False)
        self._loop.add_reader(line, self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self._line)
        self._loop.remove_writer(self._line)

    def reset(self) -> None:
        self._dtr = False
        self._in, self._out = InPipe(self._taken), OutPipe(self._accept)
        self.pipes = {_IN: self._in, _OUT: self._out}

    def opened(self) -> None:
        self._dtr = False

    async def control(self, setup: Setup, data: bytes) -> bytes:
        if setup.request == _SET_CODING:
            self._coding = data[:7]
        elif setup.request == _GET_CODING:
            return self._coding[: setup.length]
        elif setup.request == _SET_LINES:
            self._dtr = bool(setup.value & 1)
            self._flush()
        elif setup.request != _SEND_BREAK:
            raise Stall
        return b""

    def _accept(self, packet: bytes) -> bool:
        if len(self._to_board) + len(packet) > _ROOM:
            return False
        self._to_board += packet
        self._write()
        return True

    def _write(self) -> None:
        try:
            done = os.write(self._line, self._to_board) if self._to_board else 0
        except BlockingIOError:
            done = 0
        del self._to_board[:done]
        if self._to_board:
            self._loop.add_writer(self._line, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._line)
        self._write()
        self._out.run()

    def _readable(self) -> None:
        try:
            self._to_host += os.read(self._line, 4096)
        except OSError:
            return
        if not self._dtr:
            del self._to_host[:-_FIFO]
        self._flush()

    def _flush(self) -> None:
        if self._dtr and self._to_host and self._in.idle:
            whole, self._to_host = bytes(self._to_host), bytearray()
            self._in.give(whole)

    def _taken(self, n: int) -> None:
        if self._to_host:
            self._flush()
        elif n and n % PACKET == 0:
            self._in.give(b"")

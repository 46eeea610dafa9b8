"""Bulk endpoints, packet by packet: who is asked first waits for the other, and only a short packet or a full request ends it.

[SPEC USB 2.0 §5.8.3: high]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tournee_sim.usb.descriptors import PACKET

Answer = Callable[[bytes], None]
"""Completes a request of the host: the bytes read, or for a write those sent."""


class BabbleError(RuntimeError):
    """The device sent more than the host had asked for."""


@dataclass
class InPipe:
    """To the host. `taken(n)` when the host has all of a transfer."""

    taken: Callable[[int], None]
    _packets: deque[tuple[bytes, int]] = field(
        default_factory=deque
    )  # and the size of the transfer that ends with it, else -1
    _asked: deque[tuple[int, int, Answer]] = field(default_factory=deque)
    _got: bytearray = field(default_factory=bytearray)

    @property
    def idle(self) -> bool:
        return not self._packets

    def give(self, data: bytes) -> None:
        """A transfer of the device; an empty one is an empty packet."""
        for at in range(0, max(len(data), 1), PACKET):
            last = at + PACKET >= len(data)
            self._packets.append((data[at : at + PACKET], len(data) if last else -1))
        self._run()

    def ask(self, number: int, length: int, answer: Answer) -> None:
        self._asked.append((number, length, answer))
        self._run()

    def cancel(self, number: int) -> bool:
        """Whether it was waiting. What a broken-off request had taken is lost with it, as on a bus."""
        for each in self._asked:
            if each[0] == number:
                if each is self._asked[0]:
                    self._got.clear()
                self._asked.remove(each)
                return True
        return False

    def _run(self) -> None:
        while self._asked and self._packets:
            _, length, answer = self._asked[0]
            packet, ended = self._packets.popleft()
            self._got += packet
            if len(self._got) > length:
                raise BabbleError(f"{len(self._got)} bytes for a request of {length}")
            if len(packet) < PACKET or len(self._got) == length:
                self._asked.popleft()
                whole, self._got = bytes(self._got), bytearray()
                answer(whole)
            if ended >= 0:
                self.taken(ended)


@dataclass
class OutPipe:
    """From the host. `accept(packet)` says whether the device takes it now; if not, `run` when it does."""

    accept: Callable[[bytes], bool]
    _waiting: deque[tuple[int, bytes, int, Answer]] = field(default_factory=deque)

    def put(self, number: int, data: bytes, answer: Answer) -> None:
        self._waiting.append((number, data, 0, answer))
        self.run()

    def cancel(self, number: int) -> bool:
        for each in self._waiting:
            if each[0] == number:
                self._waiting.remove(each)
                return True
        return False

    def run(self) -> None:
        while self._waiting:
            number, data, at, answer = self._waiting[0]
            packet = data[at : at + PACKET]
            if not self.accept(packet):
                return
            at += len(packet)
            if at < len(data):
                self._waiting[0] = (number, data, at, answer)
            else:
                self._waiting.popleft()
                answer(data)

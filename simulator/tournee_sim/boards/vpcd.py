"""Cards in a virtual PC/SC reader: the card's end of vsmartcard's driver `libifdvpcd`, which connects here ("reversed mode").

No terminal, no firmware: APDUs go from pcscd to the card. Loopback only [vsmartcard, src/vpcd/vpcd.c; facts cards-and-readers §5.1].
A card can be exchanged, not taken out: when the driver of Debian (3.3) sees an absent card it closes the connection and then ends pcscd
by SIGABRT at its next look (measured; FD_SET of a closed socket).
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tournee_sim.boards.process import BoardError
from tournee_sim.cards.t1 import BlockParameters
from tournee_sim.cards.tpdu import TpduCard

DRIVER: Final = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
LOOPBACK: Final = "127.0.0.1"
_ON, _RESET, _ATR = 1, 2, 4


class VirtualSlot:
    """One connection of the driver: length (2) and a control byte or an APDU. It asks for the ATR to see whether a card is there."""

    def __init__(self, listener: socket.socket, card: TpduCard) -> None:
        self.card = card
        self._listener = listener
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        for one in (self._connection, self._listener):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._connection, _ = self._listener.accept()
                with self._connection, contextlib.suppress(OSError):
                    self._talk(self._connection)

    def _talk(self, connection: socket.socket) -> None:
        while (request := self._receive(connection)) is not None:
            answer = self._answer(request)
            if answer is not None:
                connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _receive(self, connection: socket.socket) -> bytes | None:
        head = self._exactly(connection, 2)
        return None if head is None else self._exactly(connection, int.from_bytes(head, "big"))

    def _exactly(self, connection: socket.socket, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            part = connection.recv(size - len(data))
            if not part:
                return None
            # The driver sends a request in two pieces: without this each waits for a delayed ACK.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            data += part
        return data

    def _answer(self, request: bytes) -> bytes | None:
        card = self.card
        if len(request) == 1:
            if request[0] in (_ON, _RESET):
                card.reset()
            return card.card.atr if request[0] == _ATR else None
        if BlockParameters.of(card.card.atr).protocols[0] == 1:
            answer = card.whole(request)
            return answer.data + answer.sw.to_bytes(2, "big")
        return card.apdu(request)


class VpcdReader:
    """A reader of two slots; `configuration` makes a pcscd use it."""

    def __init__(self, first: TpduCard, second: TpduCard, friendly: str = "Tournee SIMULATION") -> None:
        """Raises BoardError when no two neighbouring ports are free: slot n is at the first + n."""
        listeners = _neighbours()
        self._friendly = friendly
        self._port: int = listeners[0].getsockname()[1]
        self.slots = (VirtualSlot(listeners[0], first), VirtualSlot(listeners[1], second))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def configuration(self) -> str:
        """A file for pcscd's reader.conf.d."""
        place = f"DEVICENAME {LOOPBACK}:0x{self._port:X}\nLIBPATH {DRIVER}\nCHANNELID 0x{self._port:X}\n"
        return f'FRIENDLYNAME "{self._friendly}"\n{place}'

    def close(self) -> None:
        for slot in self.slots:
            slot.close()


def _neighbours() -> tuple[socket.socket, socket.socket]:
    for port in random.sample(range(20_000, 30_000), 200):
        with contextlib.ExitStack() as stack:
            pair = (stack.enter_context(socket.socket()), stack.enter_context(socket.socket()))
            try:
                for number, one in enumerate(pair):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.bind((LOOPBACK, port + number))
                    one.listen()
            except OSError:
                continue
            stack.pop_all()
            return pair
    raise BoardError("no two neighbouring TCP ports are free on the loopback interface")

"""A virtual card of the simulator on the pins of the chip: contacts by level, characters by `bitlevel`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.tools.rp2040.chip import Chip
from tests.tools.rp2040.rig import attach
from tournee_sim.cards.bitlevel import Character
from tournee_sim.cards.t0 import ByteCard, Emission


class PinSlot:
    """One slot of `pins.SLOTS`: the interface chip's wires, and the card that `insert` puts in."""

    def __init__(self, chip: Chip, wires: dict[str, int], presence: Callable[[int], None]) -> None:
        """`presence` sets the level of the chip's OFF wire."""
        self.chip = chip
        self._presence = presence
        self._wires = wires
        self.line = self.chip.connect(wires["io"])
        self.card: ByteCard | None = None
        self.bits = attach(self.chip, self.line, 13020)
        self.bits.remove()
        self.log: list[str] = []
        self.spoil: list[int] = []
        """Indices of characters from the card that come once with wrong parity."""
        self._sent = 0
        self._clocks = 35
        self._powered = False
        self._queue_end = 0
        self.faults: list[str] = []

    def pin(self, number: int, level: int) -> None:
        """A wire of the interface chip moved."""
        name = next((n for n, pin in self._wires.items() if pin == number), "")
        if name == "cmdvcc":
            self._powered = not level
            self.log.append("vcc on" if self._powered else "vcc off")
            if self.card:
                self.card.vcc(int(self._powered))
                if not self._powered:
                    self.bits.remove()
        elif name == "rst":
            self.log.append(f"rst {level}")
            if self.card and self._powered:
                self.bits.reset()
                if level:
                    self.bits.insert()
                    self._play(self.card.rst(1))
                else:
                    self.card.rst(0)

    def clock(self, number: int, hz: int) -> None:
        if number != self._wires["clk"]:
            return
        self.log.append(f"clk {hz}")
        if hz:
            self._clocks = round(self.chip.hz / hz)
            f, d = self.card.f_d if self.card else (372, 1)
            self.bits.etu_ticks = f * self._clocks / d
        if self.card:
            self.card.clk(hz // 1000)

    def insert(self, card: ByteCard) -> None:
        self.card = card
        timing = card.timing
        self.bits = attach(self.chip, self.line, 372 * self._clocks, inverse=timing.inverse, signal=card.protocol == 0)
        self.bits.extra_guard = 0
        self.bits.on_byte = self._byte
        self._presence(1)

    def pull(self) -> None:
        self.bits.remove()
        self.line.watchers.remove(self.bits.level)
        self.faults += self.bits.faults
        if self.card:
            self.card.vcc(0)
        self.card = None
        self._presence(0)

    def _byte(self, byte: int) -> None:
        if self.card:
            before = self.card.f_d
            self.card.etu(
                *before
            )  # this line is as fast as the card: a reader at another rate is heard as garbage here
            self._play(self.card.receive(bytes([byte])))

    def _play(self, emissions: Iterable[Emission]) -> None:
        card = self.card
        assert card is not None
        for emission in emissions:
            if not emission.data:
                continue
            characters = []
            for byte in emission.data:
                characters.append(Character(byte, spoilt=int(self._sent in self.spoil)))
                self._sent += 1
            wait_etu = max(emission.wait_ms / card.etu_ms, 16.0)
            start = max(self.chip.now, self._queue_end) + wait_etu * self.bits.etu_ticks
            self._queue_end = round(start + len(characters) * 14 * self.bits.etu_ticks)
            bits = self.bits
            self.chip.at(start, lambda bits=bits, characters=characters: bits.send(characters))  # type: ignore[misc]
        f, d = card.f_d
        if f * self._clocks / d != self.bits.etu_ticks:  # after the answer to PPS
            etu = f * self._clocks / d
            self.chip.at(self._queue_end, lambda: setattr(self.bits, "etu_ticks", etu))
        if card.protocol == 1:
            self.chip.at(self._queue_end, lambda: setattr(self.bits, "signal", False))

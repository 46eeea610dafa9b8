"""The I/O-expander bus of a simulated board: reset lines, card presence, keypad, display, clock of the card.

The card UARTs carry card bytes only, the same as on a board; all else goes over this bus, one per terminal. It belongs to
the *boards* `unix` and `mps2` (their `hal/`), not to the firmware core.
SIMULATION hardware: our own definition, no public counterpart.

A command (board -> bus) is answered by one reply with the same type | 0x80 before the next is sent, so that a reset has
been seen by the card before the board listens. Events (bus -> board) come at any time.
"""

from __future__ import annotations

from enum import IntEnum

from construct import Byte, GreedyBytes, Prefixed, Struct

Packet = Struct("type" / Byte, "slot" / Byte, "data" / Prefixed(Byte, GreedyBytes))
"""type(1) slot(1) length(1) data(length)."""


class Command(IntEnum):
    """board -> bus; the reply's data is empty when not said otherwise."""

    VCC = 0x01  # data: 0 off, 1 class A 5 V, 2 class B 3 V, 3 class C 1.8 V
    RST = 0x02  # data: level 0/1
    CLK = 0x03  # data: kHz, 2 bytes big-endian; 0 stops, at the level 0/1 that follows
    ETU = 0x04  # data: F 2 bytes big-endian, D 1 byte: the board's UART now runs at F/D clocks per etu; guard, 2 bytes signed; signal 0/1
    DISPLAY = 0x05  # slot: line 0-3; data: UTF-8, 20 characters
    STATE = 0x06  # reply: one byte per slot, 1 card present
    IO = 0x08  # data: 0 held low, 1 let go
    SENT = 0x09  # data: characters sent on this line in all, 4 bytes big-endian: what follows is new (after PARITY 0)
    RANDOM = 0x07  # data: how many, 1 byte; reply: as many bytes fit for keys, for a board without a source of its own


class Notice(IntEnum):
    """bus -> board, unasked."""

    PRESENCE = 0x41  # slot, data: 1 inserted, 0 removed
    KEY = 0x42  # data: ASCII digit, 0x0D OK, 0x1B cancel, 0x08 correct
    ADVANCE = 0x43  # data: ms, 4 bytes big-endian: simulated time passes (pace fast); the board's clock jumps by it
    PARITY = 0x44  # slot, data: 0, characters taken in all (4 bytes): the card refused the next; or 1: one came damaged
    BATTERY = 0x45  # data: percent


KEY_OK = 0x0D
KEY_CANCEL = 0x1B
KEY_CORRECT = 0x08

"""Runs on the USB host: speaks to `usb_echo_board.py` by pyserial and prints what it found, as JSON. Arguments: which looks to take."""

from __future__ import annotations

import json
import random
import sys
import threading
from typing import Any

import serial

from tournee.link.adapters import usbports

_ANSWER_S = 20.0


def echoed(line: serial.Serial, sent: bytes) -> bytes:
    """What comes back of `sent`, until it is whole or nothing comes any more."""
    writer = threading.Thread(target=line.write, args=(sent,))
    writer.start()
    got = line.read(len(sent))
    writer.join()
    return got


def values(link: str, repl: str) -> Any:
    """Every byte value, alone and together, and every length about one and two packets."""
    with serial.Serial(link, timeout=_ANSWER_S, exclusive=True) as line:
        alone = all(
            echoed(line, bytes((value,))) == bytes((value,)) for value in (0, 3, 4, 10, 13, 17, 19, 26, 28, 127, 255)
        )
        whole = echoed(line, bytes(range(256)) * 2) == bytes(range(256)) * 2
        lengths = [
            n for n in (1, 2, 62, 63, 64, 65, 127, 128, 129, 192, 256, 512) if echoed(line, b"\x03" * n) != b"\x03" * n
        ]
    return {"alone": alone, "whole": whole, "lengths": lengths}


def much(link: str, repl: str) -> Any:
    """100 000 bytes there and back, and 20 000 to a board that hardly looks."""
    sent = random.Random(7).randbytes(100_000)
    with serial.Serial(link, timeout=_ANSWER_S, exclusive=True) as line:
        back = echoed(line, sent) == sent
    with serial.Serial(link, baudrate=9600, timeout=_ANSWER_S, exclusive=True) as line:
        slowly = echoed(line, sent[:20_000]) == sent[:20_000]
    return {"back": back, "slowly": slowly}


def lines(link: str, repl: str) -> Any:
    """What the board says on its REPL's port of the other one being opened and closed."""
    heard = []
    with serial.Serial(repl, timeout=_ANSWER_S, exclusive=True) as told:
        for baud in (115_200, 57_600):
            with serial.Serial(link, baudrate=baud, timeout=_ANSWER_S, exclusive=True) as line:
                echoed(line, b"x")
                heard.append(told.readline().decode().strip())
            heard.append(told.readline().decode().strip())
    return heard


def main() -> None:
    (board,) = usbports.boards()
    looks = {look.__name__: look for look in (values, much, lines)}
    print(json.dumps({name: looks[name](board.link, board.port.device) for name in sys.argv[1:]}))


if __name__ == "__main__":
    main()

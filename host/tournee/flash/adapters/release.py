"""Asks what runs on a port, and a running terminal for its REPL, without greeting it: no session is touched."""

from __future__ import annotations

import os
import time

from tournee.flash.adapters.repl import BAUD, check_port
from tournee.flash.errors import PortVanished, SessionOpen
from tournee.link.session import SESSION_BYTES, Response, Session
from tournee_protocol.link import InfoReply, Op, Status

_ANSWER_S = 0.5


def released(port: str) -> bool:
    """True: the line now goes to the REPL. False: no terminal answers here, or its REPL is elsewhere. Raises SessionOpen."""
    answer = _asked(port, Op.REPL, _ANSWER_S)
    if answer is not None and answer.status == Status.BUSY:
        raise SessionOpen
    return answer is not None and answer.status == Status.OK


def running(port: str, wait_s: float = _ANSWER_S) -> tuple[str, str] | None:
    """(manifest hash, name) of the terminal that answers within `wait_s`; None: none does."""
    answer = _asked(port, Op.INFO, wait_s)
    if answer is None or answer.status != Status.OK:
        return None
    info = InfoReply.parse(answer.body)
    return bytes(info.manifest).decode("ascii", "replace"), bytes(info.name).decode("utf-8", "replace")


def _asked(port: str, op: Op, wait_s: float) -> Response | None:
    """The answer to an out-of-band request, asked again every half second: a terminal may just be starting."""
    import serial

    check_port(port)
    session = Session(os.urandom(SESSION_BYTES))
    end = time.monotonic() + wait_s
    try:
        with serial.Serial(port, BAUD, timeout=0.5, exclusive=True) as line:
            while time.monotonic() < end:
                line.write(session.out_of_band(op))
                heard = line.read(1)
                while heard:
                    for answer in session.feed(heard + line.read(line.in_waiting)):
                        if isinstance(answer, Response) and answer.op == op:
                            return answer
                    heard = line.read(1)
    except (OSError, serial.SerialException):
        raise PortVanished(port) from None
    return None

"""The host against `vectors.json`, the same that the firmware runs in MicroPython."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from tournee.cards.script import run_with
from tournee.link.assembly import Assembler
from tournee.link.channel import NullChannel
from tournee.link.frames import FrameDecoder
from tournee.terminal.errors import TerminalError
from tournee.terminal.events import script_answers
from tournee.terminal.model import Answer
from tournee_protocol.link import MAX_RESPONSE

VECTORS: dict[str, Any] = json.loads(files("tournee_protocol").joinpath("vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["streams"], ids=lambda v: v["name"])
def test_stream(vector: dict[str, Any]) -> None:
    decoder, assembler = FrameDecoder(), Assembler(NullChannel(), MAX_RESPONSE)
    messages = []
    for piece in vector["feed"]:
        frames = decoder.idle() if piece == "idle" else decoder.feed(bytes.fromhex(piece))
        messages += [m.hex().upper() for f in frames if (m := assembler.take(f)) is not None]
    assert messages == vector["messages"]


@pytest.mark.parametrize("vector", VECTORS["scripts"], ids=lambda v: v["name"])
def test_script_interpreter(vector: dict[str, Any]) -> None:
    card = iter(vector["card"])

    def send(command: bytes) -> Answer:
        expected, answer = next(card)
        assert command.hex().upper() == expected
        raw = bytes.fromhex(answer)
        return Answer(raw[:-2], int.from_bytes(raw[-2:], "big"))

    script = bytes.fromhex(vector["script"])
    if vector["status"]:
        with pytest.raises(TerminalError) as caught:
            run_with(script, send)
        assert caught.value.status == vector["status"]
    else:
        assert run_with(script, send) == script_answers(bytes.fromhex(vector["answers"]))
    assert next(card, None) is None

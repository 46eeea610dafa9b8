"""Writes vectors.json: records as hex and object, byte streams as frames and garbage, scripts with a card's answers.

The expected side of every case is written by hand in `cases.py`; only hex of records is computed, by construct.
"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import construct

from tournee_protocol import iobus, link, scripts
from tournee_protocol.gen import cases

MODULES: dict[str, ModuleType] = {"link": link, "iobus": iobus, "scripts": scripts}


def document() -> str:
    """The JSON text; bytes are upper-case hex strings `0x…`-less, marked by the key or by being a `bytes` field."""
    data = {
        "version": link.VERSION,
        "records": [_record(name, value) for name, value in cases.RECORDS],
        "streams": [_stream(case) for case in cases.STREAMS],
        "scripts": cases.SCRIPTS,
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def struct_of(name: str) -> Any:
    """`link.Hello` -> the construct Struct."""
    module, _, struct = name.partition(".")
    return getattr(MODULES[module], struct)


def to_json(value: Any) -> Any:
    """Parsed construct values (Container, ListContainer, bytes) as JSON: bytes become hex."""
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex().upper()
    if isinstance(value, dict):
        return {k: to_json(v) for k, v in value.items() if not k.startswith("_")}
    if isinstance(value, construct.ListContainer | list):
        return [to_json(v) for v in value]
    return value


def _record(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"record": name, "hex": struct_of(name).build(value).hex().upper(), "object": to_json(value)}


def frame(payload: bytes, seq: int, flags: int = 0) -> bytes:
    """One frame as construct builds it."""
    built: bytes = link.Frame.build({"body": {"value": {"flags": flags, "seq": seq, "payload": payload}}})
    return built


def _stream(case: cases.Stream) -> dict[str, Any]:
    feed = [part if isinstance(part, str) else cases.bytes_of(part, frame).hex().upper() for part in case.feed]
    return {"name": case.name, "feed": feed, "messages": [m.hex().upper() for m in case.messages]}

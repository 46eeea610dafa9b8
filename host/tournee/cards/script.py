"""Card scripts: written, and run step by step for readers that cannot (the twin of the firmware's interpreter, same vectors)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tournee.terminal.errors import from_status
from tournee.terminal.model import Answer, StepAnswer
from tournee_protocol import scripts
from tournee_protocol.link import MAX_REQUEST, Status
from tournee_protocol.scripts import MAX_APDUS, MAX_BYTES, MAX_STEPS, StepFlag, StepKind

MAX_SCRIPT_BYTES: Final = MAX_REQUEST - 16
_MAX_OFFSET: Final = 0x7FFF
_PIN_INS: Final = frozenset({0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D})
_ENVELOPE_INS: Final = frozenset({0xC2, 0xC3})
PLAIN: Final = StepFlag(0)
STOP: Final = StepFlag.STOP_ON_ERROR
SKIP: Final = StepFlag.SKIP_ON_ERROR
QUIET: Final = StepFlag.QUIET


@dataclass(frozen=True)
class Step:
    """One step with the name under which its answer is looked up."""

    name: str
    raw: bytes
    flags: StepFlag

    @property
    def stops(self) -> bool:
        return bool(self.flags & STOP)


def apdu(name: str, command: bytes, flags: StepFlag = PLAIN) -> Step:
    return _step(name, StepKind.APDU, flags, {"apdu": command})


def read(name: str, *, sfi: int = 0, chunk: int = 0, limit: int = MAX_BYTES, flags: StepFlag = PLAIN) -> Step:
    """READ BINARY to the end of the file; `chunk` bytes at a time (0: 256), at most `limit`."""
    return _step(name, StepKind.READ, flags, {"sfi": sfi, "chunk": chunk, "limit": limit})


def loop(name: str, command: bytes, *, limit: int, p2_step: int, flags: StepFlag = PLAIN) -> Step:
    return _step(name, StepKind.LOOP, flags, {"limit": limit, "p2_step": p2_step, "apdu": command})


def build(steps: Iterable[Step]) -> bytes:
    return b"".join(step.raw for step in steps)


def batches(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps grouped into scripts that fit into one request each; a SKIP step and the next are never parted."""
    groups: list[list[Step]] = [[]]
    size = 0
    unit: list[Step] = []
    for step in steps:
        unit.append(step)
        if step.flags & SKIP and step is not steps[-1]:
            continue
        length = len(build(unit))
        if groups[-1] and (size + length > MAX_SCRIPT_BYTES or len(groups[-1]) + len(unit) > MAX_STEPS):
            groups.append([])
            size = 0
        groups[-1] += unit
        size += length
        unit = []
    return [g for g in groups if g]


def interpret(script: bytes) -> Generator[bytes, Answer, list[StepAnswer]]:
    """Yields command APDUs, is sent their answers (61xx and 6Cxx followed); raises ScriptError as a terminal would answer."""
    run = _Run()
    steps = _parse(script)
    index = 0
    while index < len(steps):
        kind, flags, body = steps[index]
        sw = yield from run.step(index, kind, flags, body)
        index += 1
        if _is_error(sw):
            if flags & STOP:
                break
            if flags & SKIP:
                index += 1
    return run.answers


def well_formed(command: bytes) -> bool:
    """A short command APDU of case 1 to 4."""
    if len(command) <= 5:
        return len(command) >= 4
    return command[4] != 0 and len(command) - 5 - command[4] in (0, 1)


def carries_secret(command: bytes) -> bool:
    """A PIN command with data, or an ENVELOPE that could wrap one: never sent as an APDU (SPEC §5)."""
    return command[1] in _ENVELOPE_INS or (command[1] in _PIN_INS and len(command) > 5)


def _step(name: str, kind: StepKind, flags: StepFlag, body: dict[str, object]) -> Step:
    return Step(name, scripts.Step.build({"kind": kind, "flags": flags, "body": body}), flags)


def _parse(script: bytes) -> list[tuple[StepKind, StepFlag, _Body]]:
    invalid = from_status(Status.SCRIPT_INVALID)
    known = int(STOP | SKIP | QUIET)
    steps: list[tuple[StepKind, StepFlag, _Body]] = []
    at = 0
    while at < len(script):
        end = at + 4 + int.from_bytes(script[at + 2 : at + 4], "big")
        if at + 4 > len(script) or end > len(script) or script[at] not in set(StepKind) or script[at + 1] & ~known:
            raise invalid
        kind, body = StepKind(script[at]), script[at + 4 : end]
        steps.append((kind, StepFlag(script[at + 1]), _body(kind, body, invalid)))
        at = end
    if len(steps) > MAX_STEPS:
        raise invalid
    return steps


@dataclass(frozen=True)
class _Body:
    apdu: bytes = b""
    sfi: int = 0
    chunk: int = 0
    limit: int = 0
    p2_step: int = 0


def _body(kind: StepKind, raw: bytes, invalid: Exception) -> _Body:
    if kind is StepKind.READ:
        if len(raw) != 4 or raw[0] > 30:
            raise invalid
        return _Body(sfi=raw[0], chunk=raw[1], limit=int.from_bytes(raw[2:4], "big"))
    head = 2 if kind is StepKind.LOOP else 0
    command = raw[head:]
    if len(raw) < head or not well_formed(command):
        raise invalid
    if carries_secret(command):
        raise from_status(Status.FORBIDDEN)
    return _Body(apdu=command, limit=raw[0], p2_step=raw[1]) if head else _Body(apdu=command)


class _Run:
    """The state of one run: what was emitted and how much is left."""

    def __init__(self) -> None:
        self.answers: list[StepAnswer] = []
        self._apdus = 0
        self._bytes = 0

    def step(self, index: int, kind: StepKind, flags: StepFlag, body: _Body) -> Generator[bytes, Answer, int]:
        if kind is StepKind.READ:
            return (yield from self._read(index, flags, body))
        if kind is StepKind.LOOP:
            return (yield from self._loop(index, flags, body))
        answer = yield from self._send(body.apdu)
        self._emit(index, flags, answer.sw, answer.data)
        return answer.sw

    def _send(self, command: bytes) -> Generator[bytes, Answer, Answer]:
        self._apdus += 1
        if self._apdus > MAX_APDUS:
            raise from_status(Status.SCRIPT_LIMIT)
        return (yield command)

    def _emit(self, index: int, flags: StepFlag, sw: int, data: bytes, counted: int = 0) -> None:
        """`counted`: bytes of `data` that are counted already."""
        if flags & QUIET and not _is_error(sw):
            return
        self._count(len(data) - counted)
        self.answers.append(StepAnswer(index, sw, data))

    def _count(self, size: int) -> None:
        """One more `link.ScriptAnswer` with `size` bytes."""
        self._bytes += 5 + size
        if self._bytes > MAX_BYTES:
            raise from_status(Status.SCRIPT_LIMIT)

    def _read(self, index: int, flags: StepFlag, body: _Body) -> Generator[bytes, Answer, int]:
        chunk, data, sw, counted = body.chunk or 256, b"", 0x9000, 0
        while len(data) < body.limit:
            wanted = min(chunk, body.limit - len(data))
            offset = len(data)
            p1p2 = bytes([0x80 | body.sfi, 0]) if body.sfi and not offset else offset.to_bytes(2, "big")
            answer = yield from self._send(b"\x00\xb0" + p1p2 + bytes([wanted & 0xFF]))
            sw = answer.sw
            data += answer.data
            if sw != 0x9000 or len(answer.data) < wanted or len(data) > _MAX_OFFSET or len(data) >= body.limit:
                break
            if not flags & QUIET:
                self._count(len(answer.data))
                counted = len(data)
        if data:
            sw = 0x9000
        self._emit(index, flags, sw, data[: body.limit], counted)
        return sw

    def _loop(self, index: int, flags: StepFlag, body: _Body) -> Generator[bytes, Answer, int]:
        sw = 0x9000
        for turn in range(body.limit):
            command = bytearray(body.apdu)
            command[3] = (command[3] + turn * body.p2_step) & 0xFF
            answer = yield from self._send(bytes(command))
            sw = answer.sw
            self._emit(index, flags, sw, answer.data)
            if sw != 0x9000:
                return sw if turn == 0 else 0x9000
        return sw


def _is_error(sw: int) -> bool:
    return sw != 0x9000 and sw >> 8 != 0x62


Pump = Callable[[bytes], Answer]


def run_with(script: bytes, send: Pump) -> list[StepAnswer]:
    """`interpret` driven by a blocking function."""
    program = interpret(script)
    try:
        command = next(program)
        while True:
            command = program.send(send(command))
    except StopIteration as done:
        answers: list[StepAnswer] = done.value
        return answers

"""What a step can do. Each action gets the session, the step's values (chances drawn) and what it expects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from tournee_protocol import link, scripts
from tournee_protocol.link import Op, Status, Voltage
from tournee_sim.boards.process import BoardError
from tournee_sim.cards.t0 import State as CardState
from tournee_sim.faults import parse
from tournee_sim.scenarios.errors import Failed
from tournee_sim.scenarios.expect import check
from tournee_sim.scenarios.peer import HostSilent, LinkLost, Reply
from tournee_sim.scenarios.session import Session

Values = Mapping[str, Any]
Action = Callable[[Session, Values, Values], Awaitable[None]]

_VOLTS: Final = {"auto": Voltage.AUTO, "5": Voltage.A_5V, "3": Voltage.B_3V, "1.8": Voltage.C_1V8}
_OK, _CANCEL, _CORRECT = "\r", "\x1b", "\b"
_OFF_S: Final = 20.0
_LOOK_S: Final = 0.01
_ALIVE: Final = bytes.fromhex("0084000008")
"""GET CHALLENGE: the CPS3, Vitale 2 and generic cards answer it, on T=0 and T=1."""


async def _ask(
    session: Session, op: Op, body: bytes, expect: Values, read: Callable[[bytes], Values] = lambda b: {}
) -> None:
    """A request whose answer must be as expected; after a lost link it is asked again under its number, as hosts do."""
    told = session.board.bus.told_ms
    try:
        reply = await session.request(op, body)
    except LinkLost:
        reply = await _ask_again(session)
    except HostSilent:
        return
    answer: dict[str, Any] = {"status": reply.status.name, "within_ms": int(session.board.bus.told_ms - told)}
    if reply.status is Status.OK:
        answer |= read(reply.body)
    session.trace.event("answer", **{k: v for k, v in answer.items() if k != "data"})
    check(expect, answer)


async def _ask_again(session: Session) -> Reply:
    number = session.peer.number
    session.trace.event("link", state="back")
    if not await session.greet():
        raise Failed("the terminal forgot the session although it was not off")
    if session.peer.number == number - 1:
        session.peer.number = number
    return await session.wait(session.peer.again())


def _card_answer(body: bytes) -> Values:
    return {"sw": body[-2:].hex().upper(), "data": body[:-2].hex().upper(), "bytes": len(body) - 2}


async def power(session: Session, values: Values, expect: Values) -> None:
    """POWER_ON."""

    def read(body: bytes) -> Values:
        reply = link.PowerOnReply.parse(body)
        return {"protocol": reply.protocol, "data": reply.atr.hex().upper(), "bytes": len(reply.atr)}

    fields = {"slot": values["slot"], "voltage": _VOLTS[values.get("volts", "auto")], "warm": values.get("warm", False)}
    await _ask(session, Op.POWER_ON, link.PowerOn.build(fields), expect, read)


async def off(session: Session, values: Values, expect: Values) -> None:
    """POWER_OFF."""
    await _ask(session, Op.POWER_OFF, bytes([values["slot"]]), expect)


async def apdu(session: Session, values: Values, expect: Values) -> None:
    """APDU; the terminal follows 61xx and 6Cxx."""
    await _ask(session, Op.APDU, bytes([values["slot"]]) + bytes.fromhex(values["send"]), expect, _card_answer)


async def tpdu(session: Session, values: Values, expect: Values) -> None:
    """TPDU, as it is."""
    await _ask(session, Op.TPDU, bytes([values["slot"]]) + bytes.fromhex(values["send"]), expect, _card_answer)


async def script(session: Session, values: Values, expect: Values) -> None:
    """SCRIPT of plain APDUs; the last answer is the one looked at."""
    steps = [
        {"kind": scripts.StepKind.APDU, "flags": scripts.StepFlag.STOP_ON_ERROR, "body": {"apdu": bytes.fromhex(each)}}
        for each in values["send"]
    ]
    body = bytes([values["slot"]]) + scripts.Steps.build({"steps": steps})

    def read(answers: bytes) -> Values:
        last: Any = None
        while answers:
            last = link.ScriptAnswer.parse(answers)
            answers = answers[len(link.ScriptAnswer.build(last)) :]
        return {"sw": f"{last.sw:04X}", "data": last.data.hex().upper(), "bytes": len(last.data)} if last else {}

    await _ask(session, Op.SCRIPT, body, expect, read)


async def pin(session: Session, values: Values, expect: Values) -> None:
    """PIN_VERIFY; the keys are pressed when the keypad opens."""
    words = {"pin": session.board.pin, "wrong": f"{(int(session.board.pin) + 1) % 10_000:04d}", "short": "00"}
    words |= {"ok": _OK, "cancel": _CANCEL, "correct": _CORRECT}
    session.keys = [words[key] for key in values["keys"]]
    fields = {
        "slot": values["slot"],
        "header": bytes.fromhex(values.get("header", "00200001")),
        "min_digits": 4,
        "max_digits": 4,
        "pad_to": 0,
        "pad": 0,
        "timeout_s": values.get("timeout_s", 30),
        "prompt": b"Code porteur",
    }

    def read(body: bytes) -> Values:
        reply = link.PinVerifyReply.parse(body)
        return {"sw": f"{reply.sw:04X}", "tries": reply.tries_left}

    await _ask(session, Op.PIN_VERIFY, link.PinVerify.build(fields), expect, read)
    session.keys = []


async def confirm(session: Session, values: Values, expect: Values) -> None:
    """CONFIRM on the keypad."""
    session.keys = [{"ok": _OK, "cancel": _CANCEL}[key] for key in values.get("keys", ())]
    body = link.Confirm.build({"timeout_s": values.get("timeout_s", 30), "lines": [values["text"].encode()]})
    await _ask(session, Op.CONFIRM, body, expect)
    session.keys = []


async def info(session: Session, values: Values, expect: Values) -> None:
    """INFO."""
    await _ask(session, Op.INFO, b"", expect)


async def slots(session: Session, values: Values, expect: Values) -> None:
    """SLOTS."""
    await _ask(session, Op.SLOTS, b"", expect)


async def insert(session: Session, values: Values, expect: Values) -> None:
    """A card goes in."""
    session.board.insert(values["slot"], str(session.draw_card(values["card"])))
    await session.board.settled()


async def pull(session: Session, values: Values, expect: Values) -> None:
    """The card comes out; nothing happens when a fault took it already."""
    if session.board.bus.lines[values["slot"]].card:
        session.board.pull(values["slot"])
        await session.board.settled()


async def fault(session: Session, values: Values, expect: Values) -> None:
    """Arm a fault of `tournee_sim.faults`."""
    parameters = {key: values[key] for key in ("after", "count", "direction") if key in values}
    session.board.fault(parse(values["kind"], **parameters), values.get("slot", 0))


async def clear(session: Session, values: Values, expect: Values) -> None:
    """No fault is armed any more."""
    session.board.clear_faults()


async def strike(session: Session, values: Values, expect: Values) -> None:
    """Arm a fault for one state of one machine."""
    await session.striker.arm(values["slot"], values["machine"], values["state"], values["fault"])


async def struck(session: Session, values: Values, expect: Values) -> None:
    """The strike was done."""
    await session.striker.struck()


async def link_action(session: Session, values: Values, expect: Values) -> None:
    """`drop`: the host lets the link go; `back`: it comes again with its session; `new`: with another."""
    if values["what"] == "drop":
        await session.peer.close()
    else:
        resumed = await session.greet(new=values["what"] == "new")
        if resumed != (values["what"] == "back"):
            raise Failed("the session went on" if resumed else "the terminal forgot the session")


async def idle(session: Session, values: Values, expect: Values) -> None:
    """The host says and reads nothing until the session is given up: no card is powered any more."""
    await session.idle()
    lines = session.board.bus.lines
    end = time.monotonic() + _OFF_S
    while powered := [n for n, line in enumerate(lines) if line.card and line.card.state is not CardState.OFF]:
        if time.monotonic() > end:
            raise Failed(f"slot {powered[0]} is still powered after a quarter of an hour without a host")
        await session.board.settled()
        await asyncio.sleep(_LOOK_S)  # the process turns its loop in its own time, and a contact tells nobody
    session.peer.silent(False)
    session.striker.host_silent = False


async def raw(session: Session, values: Values, expect: Values) -> None:
    """Bytes on the link that need not be a frame; then silence until the terminal has given them up."""
    size = session.draw(values.get("bytes", 0))
    session.peer.raw(bytes.fromhex(values["hex"]) if "hex" in values else session.random.randbytes(size))
    await session.board.settled()
    await session.board.bus.wait(link.IDLE_MS * 2)


async def wait(session: Session, values: Values, expect: Values) -> None:
    """Simulated time passes."""
    await session.board.bus.wait(values["ms"])


async def kill(session: Session, values: Values, expect: Values) -> None:
    """The terminal's power is cut; the host notices nothing."""
    await session.board.kill()


async def restart(session: Session, values: Values, expect: Values) -> None:
    """The terminal is powered on again; the host has to say HELLO (`link: new`)."""
    await session.board.restart()
    await session.peer.close()


async def display(session: Session, values: Values, expect: Values) -> None:
    """The display shows a text, whatever the case."""
    text = values["shows"].casefold()
    try:
        await session.board.wait_display(lambda lines: any(text in line.casefold() for line in lines), 5.0)
    except TimeoutError:
        raise Failed(f"the display does not show {values['shows']!r}") from None


async def counter(session: Session, values: Values, expect: Values) -> None:
    """What the card itself counted."""
    value = session.board.card(values["slot"]).memory[values["name"]]
    if not values.get("at_least", 0) <= value <= values.get("at_most", value):
        raise Failed(f"the card's counter {values['name']} is {value}")


async def next_card(session: Session, values: Values, expect: Values) -> None:
    """The slot works with the next card: it is powered and answers."""
    slot = values["slot"]
    session.board.clear_faults()
    if not session.peer.connected:
        await session.greet()
    await pull(session, values, {})
    session.board.insert(slot, values.get("card", "generic-t0t1"))
    await session.board.settled()
    try:
        await power(session, {"slot": slot}, {})
        await apdu(session, {"slot": slot, "send": _ALIVE.hex()}, {"bytes": 8})
    except (Failed, BoardError) as exc:
        raise Failed(f"the next card does not work: {exc}") from exc


ACTIONS: Final[Mapping[str, Action]] = {
    "power": power,
    "off": off,
    "apdu": apdu,
    "tpdu": tpdu,
    "script": script,
    "pin": pin,
    "confirm": confirm,
    "info": info,
    "slots": slots,
    "insert": insert,
    "pull": pull,
    "fault": fault,
    "clear": clear,
    "strike": strike,
    "struck": struck,
    "link": link_action,
    "idle": idle,
    "raw": raw,
    "wait": wait,
    "kill": kill,
    "restart": restart,
    "display": display,
    "counter": counter,
    "next": next_card,
}

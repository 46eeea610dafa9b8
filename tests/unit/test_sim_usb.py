"""The simulated USB device at the end of its cable: what it says when, and packets that wait for each other."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path
from typing import Any

import pytest

from tournee_sim.usb import redir
from tournee_sim.usb.device import Device, Face, Setup, Stall
from tournee_sim.usb.pipes import BabbleError, InPipe, OutPipe
from tournee_sim.usb.redir import Redirection


class Nothing:
    """A function that does nothing."""

    pipes: dict[int, Any] = {}  # noqa: RUF012

    async def control(self, setup: Setup, data: bytes) -> bytes:
        raise Stall

    def opened(self) -> None:
        pass

    def reset(self) -> None:
        pass


class Qemu:
    """The other side of the cable, which says hello when the test wants it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.head = struct.Struct("<III")

    def say(self, kind: int, body: bytes = b"") -> None:
        self._writer.write(self.head.pack(kind, len(body), 0) + body)

    async def hear(self) -> tuple[int, bytes]:
        kind, length, _ = self.head.unpack(await asyncio.wait_for(self._reader.readexactly(self.head.size), 10))
        return kind, await self._reader.readexactly(length)

    async def kinds(self, n: int) -> list[int]:
        return [(await self.hear())[0] for _ in range(n)]

    def greet(self) -> None:
        self.say(redir.HELLO, bytes(64) + struct.pack("<I", 0xFFFFFFFF))
        self.head = struct.Struct("<IIQ")

    def close(self) -> None:
        self._writer.close()


async def cable(folder: Path) -> tuple[Device, Redirection, Qemu]:
    device = Device("0042", Nothing())
    end = Redirection(device)
    await end.start(folder / "cable")
    qemu = Qemu(*await asyncio.open_unix_connection(folder / "cable"))
    assert (await qemu.hear())[0] == redir.HELLO
    return device, end, qemu


def test_a_device_that_changes_before_the_other_side_has_said_hello_is_told_after_it(tmp_path: Path) -> None:
    """Else the other side would read a packet with the head of before its hello."""

    async def main() -> None:
        device, end, qemu = await cable(tmp_path)
        face = device.builtin_face
        device.show(Face(face.device[:-6] + b"\x01\x02" + face.device[-4:], face.configuration, {}), None)
        qemu.greet()
        assert await qemu.kinds(2) == [redir.INTERFACES, redir.ENDPOINTS]
        kind, body = await qemu.hear()
        assert kind == redir.CONNECT and body[-2:] == b"\x01\x02"  # the new one, without the old one before it
        device.show(face, None)
        assert await qemu.kinds(1) == [redir.DISCONNECT]
        device.show(face, None)  # once more before the host has taken note
        qemu.say(redir.DISCONNECT_ACK)
        assert await qemu.kinds(3) == [redir.INTERFACES, redir.ENDPOINTS, redir.CONNECT]
        qemu.close()
        await end.close()

    asyncio.run(main())


def test_a_pulled_cable_says_so_once(tmp_path: Path) -> None:
    async def main() -> None:
        device, end, qemu = await cable(tmp_path)
        qemu.greet()
        await qemu.kinds(3)
        pulled = asyncio.create_task(end.unplug())
        assert await qemu.kinds(1) == [redir.DISCONNECT]
        qemu.say(redir.DISCONNECT_ACK)
        await asyncio.wait_for(pulled, 10)
        device.show(device.builtin_face, None)  # nobody sees it
        end.plug()
        assert await qemu.kinds(3) == [redir.INTERFACES, redir.ENDPOINTS, redir.CONNECT]
        qemu.close()
        await end.close()

    asyncio.run(main())


def test_a_request_ends_with_a_short_packet_or_when_it_is_full() -> None:
    ended: list[int] = []
    got: list[bytes] = []
    pipe = InPipe(ended.append)
    pipe.ask(1, 128, got.append)
    pipe.give(bytes(64))
    assert not got and ended == [64]  # the host waits for more
    pipe.give(b"")
    assert got == [bytes(64)] and ended == [64, 0]
    pipe.give(bytes(150))
    pipe.ask(2, 128, got.append)
    pipe.ask(3, 128, got.append)
    assert got[1:] == [bytes(128), bytes(22)] and ended[-1] == 150
    pipe.ask(4, 64, got.append)
    assert pipe.cancel(4) and not pipe.cancel(4)
    pipe.ask(5, 32, got.append)
    with pytest.raises(BabbleError):
        pipe.give(bytes(64))


def test_what_the_host_writes_waits_for_room() -> None:
    room, taken, done = [2], [], []

    def accept(packet: bytes) -> bool:
        if not room[0]:
            return False
        room[0] -= 1
        taken.append(packet)
        return True

    pipe = OutPipe(accept)
    pipe.put(1, bytes(150), done.append)
    assert [len(p) for p in taken] == [64, 64] and not done
    room[0] = 2
    pipe.run()
    assert [len(p) for p in taken] == [64, 64, 22] and done == [bytes(150)]
    pipe.put(2, b"", done.append)  # an empty packet is one, too
    assert taken[-1] == b"" and len(done) == 2
    pipe.put(3, b"x", done.append)
    assert pipe.cancel(3) and not pipe.cancel(3)

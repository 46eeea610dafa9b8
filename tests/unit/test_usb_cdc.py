"""The firmware's own USB port (`hal/cdc`) on a stand-in of `machine.USBDevice`; a real host: tests/integration/test_usb_host.py."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tools.rp2040.chip import Chip
from tests.tools.rp2040.micropython import modules
from tests.tools.usbdevice import Builtin, UsbDevice, between_opcodes
from tournee.link.adapters import usbports
from tournee_sim.usb import descriptors

OUT, IN, ITF = 4, 0x84, 2


class Bench:
    """The link that `open_link` chooses, its device, and what `kbd_intr` was told."""

    def __init__(self, firmware: Any, own: bool) -> None:
        self.usb = UsbDevice()
        self.interrupts: list[int] = []
        self.input = bytearray(b"typed before")
        sys.modules["micropython"].kbd_intr = self.interrupts.append  # type: ignore[attr-defined]
        if own:
            sys.modules["machine"].USBDevice = self.usb  # type: ignore[attr-defined]
        wired = firmware.load("tournee_fw.hal.wired")
        module = firmware.load("tournee_fw.hal.usb")
        poll = SimpleNamespace(register=lambda *a: None, ipoll=lambda ms: [1] if self.input else [])
        module.select = SimpleNamespace(poll=lambda: poll, POLLIN=1, POLLOUT=4)
        buffer = SimpleNamespace(read=lambda n: bytes(self.input.pop(0) for _ in range(n)))
        module.sys = SimpleNamespace(stdin=SimpleNamespace(buffer=buffer), stdout=SimpleNamespace(buffer=None))
        self.link = wired.open_link()

    def read(self) -> bytes:
        buffer = bytearray(1000)
        return bytes(buffer[: self.link.read_into(memoryview(buffer))])

    def write(self, data: bytes) -> int:
        taken: int = self.link.write(memoryview(data))
        return taken

    def open(self) -> None:
        self.usb.plug()
        self.usb.line(True)
        self.link.poll(0)
        self.link.poll(0)  # the first one says that the host before it has gone
        assert self.link.connected


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with modules(Chip()) as firmware:
        yield Bench(firmware, getattr(request, "param", True))


@pytest.mark.parametrize("bench", [False], indirect=True)
def test_without_usbdevice_the_repls_port_forgets_ctrl_c_and_learns_it_again(bench: Bench) -> None:
    assert type(bench.link).__name__ == "ReplLink"
    assert bench.interrupts == [-1] and bench.link.connected
    bench.link.close()
    assert bench.interrupts == [-1, 3]


def test_with_usbdevice_a_port_beside_the_repls(bench: Bench) -> None:
    assert bench.usb.activity == [False, True] and bench.usb.builtin_driver is Builtin
    assert bench.interrupts == [-1]  # nobody ends the firmware by a byte on the other port
    assert bench.link.repl and not bench.link.connected and bench.write(b"x") == 0
    bench.link.close()
    assert bench.interrupts == [-1, 3] and not bench.input  # what came there meanwhile is not run


def test_the_descriptors_add_one_function_and_say_its_name(bench: Bench) -> None:
    usb = bench.usb
    assert usb.configuration[:2] == b"\x09\x02" and usb.configuration[9 : len(Builtin.desc_cfg)] == Builtin.desc_cfg[9:]
    assert int.from_bytes(usb.configuration[2:4], "little") == len(usb.configuration) and usb.configuration[4] == 4
    interfaces, endpoints = descriptors.parts(usb.configuration)
    assert [(i.number, i.triple) for i in interfaces[2:]] == [(2, (2, 2, 0)), (3, (10, 0, 0))]
    assert [(e.address, e.kind, e.packet, e.interface) for e in endpoints[3:]] == [
        *((0x83, descriptors.INTERRUPT, 8, 2), (OUT, descriptors.BULK, 64, 3), (IN, descriptors.BULK, 64, 3)),
    ]
    assert usb.strings == {descriptors.STR_MAX: usbports.LINK_NAME}
    text = next(one for _, one in descriptors.walk(usb.configuration) if one[:4] == bytes((9, 4, ITF, 0)))[8]
    assert text == descriptors.STR_MAX


def test_class_requests(bench: Bench) -> None:
    bench.usb.plug()
    coding = bench.usb.ask(0x21, 0x20, 0, ITF, 7)
    assert len(coding) == 7
    coding[:] = b"\x80\x25\x00\x00\x00\x00\x08"  # the host fills it
    assert bench.usb.ask(0x21, 0x20, 0, ITF, 7, stage=2) is True
    assert bytes(bench.usb.ask(0xA1, 0x21, 0, ITF, 7)) == b"\x80\x25\x00\x00\x00\x00\x08"
    for refused in (
        (0x21, 0x23, 9, ITF),
        (0x21, 0x22, 1, ITF + 1),
        (0xA1, 0x20, 0, ITF),
        (0x81, 0x0A, 0, ITF),
        (0x02, 1, 0, OUT),
    ):
        assert bench.usb.ask(*refused) is False
    assert not bench.link.connected


def test_a_host_that_sends_more_than_there_is_room_for_waits(bench: Bench) -> None:
    bench.open()
    taken = 0
    while bench.usb.send(OUT, bytes((taken,)) * 64):
        taken += 1
    assert taken == 8
    assert bench.link.ioctl(3, 5) == 5
    buffer = bytearray(64)
    assert bench.link.read_into(memoryview(buffer)) == 64 and buffer == bytes(64)
    assert bench.usb.send(OUT, b"late")
    assert not bench.usb.send(OUT, b"too late")
    assert bench.read() == b"".join(bytes((n,)) * 64 for n in range(1, 8)) + b"late"
    assert bench.usb.send(OUT, b"") and bench.read() == b"" and bench.link.ioctl(3, 5) == 4


def test_what_is_written_goes_in_transfers_that_end(bench: Bench) -> None:
    bench.open()
    assert bench.write(bytes(64)) == 64
    assert bench.write(b"a" * 300) == 256 and bench.write(b"b") == 0  # the first is on its way, the second full
    assert bench.link.ioctl(3, 5) == 0
    assert bench.usb.take(IN) == bytes(64)
    assert bench.write(b"b") == 1
    assert bench.usb.take(IN) == b"a" * 256
    assert bench.usb.take(IN) == b"b"
    assert bench.usb.take(IN) is None
    assert bench.write(bytes(128)) == 128
    assert bench.usb.take(IN) == bytes(128)
    assert bench.usb.take(IN) == b""  # else the host waits for more
    assert bench.usb.take(IN) is None


def test_who_closes_the_port_leaves_nothing_to_who_opens_it_next(bench: Bench) -> None:
    bench.open()
    bench.usb.send(OUT, b"old")
    bench.write(b"on its way")
    bench.write(b"never sent")
    bench.usb.line(False)
    bench.usb.line(True)
    assert bench.link.ioctl(3, 1) == 0  # old bytes end no wait
    bench.usb.send(OUT, b"new")
    assert bench.link.ioctl(3, 1) == 1
    bench.link.poll(0)
    assert not bench.link.connected  # for a turn, so that half a frame is forgotten
    bench.link.poll(0)
    assert bench.link.connected and bench.read() == b"new"
    assert bench.usb.take(IN) == b"on its way" and bench.usb.take(IN) is None
    bench.usb.line(False)
    assert not bench.usb.send(OUT, b"to nobody") or bench.read() == b""
    assert bench.write(b"x") == 0


def test_an_unplugged_board_comes_back(bench: Bench) -> None:
    bench.open()
    bench.write(bytes(64))
    bench.usb.unplug()
    bench.link.poll(0)
    assert not bench.link.connected and bench.write(b"x") == 0
    bench.open()
    bench.write(b"again")
    assert bench.usb.take(IN) == b"again"
    bench.usb.activity.append(False)  # the device was switched off under the link
    bench.write(b"lost")
    bench.link.poll(0)
    assert not bench.link.connected


@pytest.mark.parametrize("seed", range(9))
def test_no_byte_is_lost_wherever_the_host_comes_in_between(bench: Bench, seed: int) -> None:
    """The host acts between any two byte codes of the firmware, as MicroPython's scheduler lets it: an echo stays whole."""
    chance = random.Random(seed)
    sent, got = bytes(chance.randrange(256) for _ in range(3000)), bytearray()
    at = 0
    sends, takes = chance.choice((0.005, 0.05)), (0.002, 0.005, 0.05)[seed % 3]

    def host() -> None:
        nonlocal at
        if chance.random() < sends:
            packet = sent[at : at + chance.choice((1, 7, 63, 64, 64))]
            if packet and bench.usb.send(OUT, packet):
                at += len(packet)
        if chance.random() < takes:
            got.extend(bench.usb.take(IN) or b"")

    bench.open()
    buffer = memoryview(bytearray(200))
    with between_opcodes("tournee_fw/hal/cdc.py", host):
        n = done = 0
        for _ in range(20_000):
            bench.link.poll(0)
            assert bench.link.connected
            if done == n:
                n, done = bench.link.read_into(buffer), 0
            if done < n:
                done += bench.link.write(buffer[done:n])
            if len(got) >= len(sent):
                break
    while (data := bench.usb.take(IN)) is not None:
        got += data
    assert bytes(got) == sent

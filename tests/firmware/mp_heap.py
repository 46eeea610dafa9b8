"""No heap growth, and room left in a heap of 320 KB (64-bit objects, compiled from source there)."""

import gc

from fakes import CPS3_ATR, Card, Rig, unhex

from tournee_fw import _link

OK = _link.STATUS_OK


def rig():
    data = bytes(57)

    def apdu(header, _):
        return (data[: header[4]], 0x9000) if header[1] == 0xB0 else (b"", 0x6D00)

    card = Card(CPS3_ATR, apdu=apdu)
    card.trace = False
    r = Rig([card, Card(present=False)])
    r.hello()
    r.power()
    return r


def used():
    gc.collect()
    return gc.mem_alloc()


def test_heap_free_with_the_whole_firmware_loaded():
    rig()
    gc.collect()
    assert gc.mem_free() > 64 * 1024, gc.mem_free()


def test_no_growth_over_10_000_apdus():
    r = rig()
    body = b"\0" + unhex("00B0000039")

    def apdus(n):
        for _ in range(n):
            assert r.ask(_link.OP_APDU, body) == (OK, bytes(57) + b"\x90\x00")
            r.events.clear()

    apdus(50)
    before = used()
    apdus(10_000)
    grown = used() - before
    assert grown <= 256, grown


def test_no_growth_over_refused_and_broken_requests():
    r = rig()

    def turn():
        for op, body in (
            (_link.OP_APDU, b""),
            (_link.OP_APDU, b"\0" + unhex("0020000104 31323334")),
            (_link.OP_SCRIPT, b"\0\x01\x00\x00\x05" + unhex("00B0000039") + b"\x02\x00\x00\x04\x00\x39\x00\x39"),
            (_link.OP_PIN_VERIFY, b"\0" + unhex("00200001") + b"\x04\x04\0\0\x01\0"),
            (_link.OP_DISPLAY, b"\x03abc"),
            (_link.OP_LOG, b""),
            (0x7E, b""),
        ):
            r.ask(op, body)
        r.power()
        r.pipe.to_board += b"\xa5\x5a\x01junk" * 20
        r.hello()
        r.events.clear()
        r.responses.clear()
        r.board.screens.clear()

    for _ in range(20):  # the log ring fills
        turn()
    before = used()
    for _ in range(200):
        turn()
    grown = used() - before
    assert grown <= 512, grown

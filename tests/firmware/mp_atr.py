"""Answer to reset and PPS [ISO 7816-3 §8, §9]."""

from fakes import CPS3_ATR, VITALE_ATR, unhex

from tournee_fw import _link
from tournee_fw.iso7816 import atr as _atr
from tournee_fw.iso7816 import pps as _pps
from tournee_fw.iso7816.atr import Atr
from tournee_fw.iso7816.tables import DI, FI, FMAX_KHZ, INVERSE, ms_of_etu

KHZ = 4000


def read(raw, step=1):
    """An Atr fed `raw` in pieces of `step` bytes."""
    atr = Atr()
    atr.start(KHZ, 0, 0)
    for i in range(0, len(raw), step):
        atr.feed(raw[i : i + step], len(raw[i : i + step]), i)
    return atr


def inverse(text):
    """An inverse-convention ATR as a direct-convention UART reads it."""
    return bytes(INVERSE[c] for c in unhex(text))


# ISO7816: atr-ts atr-historical atr-ta1
def test_vitale_2():
    atr = read(VITALE_ATR)
    assert atr.status == _link.STATUS_OK and not atr.busy
    assert bytes(atr.atr) == VITALE_ATR
    assert (atr.fidi, atr.guard, atr.wi, atr.first, atr.protocols) == (0x13, 0, 10, 0, 1)


# ISO7816: atr-ta1
def test_cps3_contact_wi_42():
    atr = read(CPS3_ATR, 5)
    assert atr.status == _link.STATUS_OK and not atr.busy
    assert (atr.fidi, atr.wi, atr.protocols, atr.specific) == (0x11, 42, 1, -1)


# ISO7816: atr-tck
def test_cps4_two_protocols_with_tck():
    atr = read(unhex("3B9B1880010012250064800401000090 44"), 33)
    assert atr.status == _link.STATUS_OK
    assert (atr.fidi, atr.first, atr.protocols) == (0x18, 0, 3)


# ISO7816: atr-tck atr-ta1
def test_cps4_t0_only_guard_255_no_tck():
    atr = read(unhex("3BDC18FF0000122500648000040100 9000"))
    assert atr.status == _link.STATUS_OK and atr.guard == 255 and atr.protocols == 1


# ISO7816: atr-ts chr-inverse
def test_vitale_1_inverse_convention():
    raw = inverse("3F65250052096A9000")
    assert raw[0] == 0x03
    atr = read(raw)
    assert atr.status == _link.STATUS_OK and atr.inverse
    assert bytes(atr.atr) == unhex("3F65250052096A9000")


def test_inverse_table_is_its_own_inverse():
    assert all(INVERSE[INVERSE[i]] == i for i in range(256))
    assert INVERSE[0x03] == 0x3F


# ISO7816: atr-ta2
def test_specific_mode_and_implicit():
    atr = read(unhex("3B 90 95 10 10"))
    assert atr.status == _link.STATUS_OK and atr.specific == 0 and atr.implicit and atr.fidi == 0x95
    atr = read(unhex("3B 80 11 01 90"))
    assert atr.status == _link.STATUS_OK and atr.specific == 1 and not atr.implicit and atr.protocols == 2


# ISO7816: atr-t1
def test_t1_parameters():
    # TD1=81 (T=1) TD2=71? TA3=FE IFSC, TB3=45 BWI/CWI, TC3=01 CRC; TCK
    body = unhex("80 81 71 FE 45 01")
    tck = 0
    for c in body:
        tck ^= c
    atr = read(b"\x3b" + body + bytes((tck,)))
    assert atr.status == _link.STATUS_OK and not atr.busy
    assert (atr.first, atr.ifsc, atr.bwi, atr.cwi, atr.crc) == (1, 0xFE, 4, 5, True)


# ISO7816: atr-t15
def test_t15_class_indicator():
    body = unhex("80 80 1F 42")  # TD1=80 TD2=1F TA3: clock stop 01, class B
    tck = 0
    for c in body:
        tck ^= c
    atr = read(b"\x3b" + body + bytes((tck,)))
    assert atr.status == _link.STATUS_OK
    assert atr.clock_stop == 1 and atr.classes == 2
    assert atr.excludes(1) and not atr.excludes(2) and atr.excludes(3)


def test_no_class_indicator_excludes_nothing():
    atr = read(VITALE_ATR)
    assert not any(atr.excludes(c) for c in (1, 2, 3))


# ISO7816: atr-tck
def test_wrong_tck():
    assert read(unhex("3B9B188001001225006480040100009045")).status == _link.STATUS_BAD_ATR


# ISO7816: atr-ts
def test_ts_garbage():
    for ts in range(256):
        atr = read(bytes((ts, 0x00)))
        assert (atr.status == _link.STATUS_OK) == (ts in (0x3B, 0x03)), ts


# ISO7816: atr-t15
def test_t15_in_td1_is_refused():
    assert read(unhex("3B801F00")).status == _link.STATUS_BAD_ATR


# ISO7816: atr-length
def test_endless_interface_bytes_stop_at_33():
    atr = read(b"\x3b\x80" + b"\x80" * 60)
    assert atr.status == _link.STATUS_BAD_ATR and len(atr.atr) == 33


# ISO7816: atr-length
def test_longest_legal_atr():
    raw = unhex("3B 7F 11 00 00") + bytes(15)
    atr = read(raw)
    assert atr.status == _link.STATUS_OK and len(atr.atr) == 20


# ISO7816: act-mute
def test_mute_after_40000_clocks_and_not_before():
    atr = Atr()
    atr.start(KHZ, 3, 1000)
    atr.tick(1012)
    assert atr.busy and atr.due_ms(1012) == 1
    atr.tick(1013)
    assert atr.status == _link.STATUS_MUTE and not atr.busy


# ISO7816: atr-gap
def test_silence_inside_an_atr():
    atr = Atr()
    atr.start(KHZ, 0, 0)
    atr.feed(VITALE_ATR, 4, 5)
    between = ms_of_etu(9600, 372, 1, KHZ)
    assert between == 893
    atr.tick(5 + between - 1)
    assert atr.busy
    atr.tick(5 + between)
    assert atr.status == _link.STATUS_BAD_ATR


def test_bytes_after_the_atr_are_left():
    atr = Atr()
    atr.start(KHZ, 0, 0)
    assert atr.feed(VITALE_ATR + b"\x60", len(VITALE_ATR) + 1, 0) == len(VITALE_ATR)


def test_every_state_has_a_name():
    assert _atr.STATES[_atr.ATR_FAILED] == "FAILED" and len(_atr.STATES) == _atr.ATR_FAILED + 1
    assert _pps.STATES[_pps.PPS_FAILED] == "FAILED" and len(_pps.STATES) == _pps.PPS_FAILED + 1


def exchange(answer, fidi=0x13):
    """A Pps that got `answer`; returns it and what it sent."""
    sent = []
    pps = _pps.Pps(lambda buf, n: sent.append(bytes(buf[:n])))
    pps.start(0, fidi, KHZ, 0, 0)
    raw = unhex(answer)
    pps.feed(raw, len(raw), 1)
    return pps, sent[0]


# ISO7816: pps-echo
def test_pps_of_the_vitale_is_ff1013fc():
    pps, sent = exchange("FF1013FC")
    assert sent == unhex("FF1013FC")
    assert pps.status == _link.STATUS_OK and not pps.busy and pps.fidi == 0x13


# ISO7816: pps-echo chr-etu
def test_pps_of_cps4_is_ff1018f7():
    assert exchange("FF1018F7", 0x18)[1] == unhex("FF1018F7")


# ISO7816: pps-default
def test_pps_without_pps1_means_default():
    pps, _ = exchange("FF00FF")
    assert pps.status == _link.STATUS_OK and not pps.busy and pps.fidi == 0x11


# ISO7816: pps-echo pps-failed
def test_pps2_and_pps3_are_never_proposed_nor_taken():
    for fidi in (0x11, 0x13, 0x96):
        for protocol in (0, 1):
            sent = []
            pps = _pps.Pps(lambda buf, n: sent.append(bytes(buf[:n])))
            pps.start(protocol, fidi, KHZ, 0, 0)
            assert sent[0][1] == 0x10 | protocol and len(sent[0]) == 4
    for answer in ("FF 20 00 DF", "FF 30 13 00 DC", "FF 40 00 BF", "FF 50 13 00 BC", "FF 70 13 00 00 9C"):
        pps, _ = exchange(answer)
        assert pps.status == _link.STATUS_PPS_FAILED, answer


# ISO7816: pps-failed
def test_pps_refusals():
    for answer in ("00", "FF11", "FF30", "FF1013FD", "FF1011FE", "FF00FE", "FF70"):
        pps, _ = exchange(answer)
        assert pps.status == _link.STATUS_PPS_FAILED and pps.fidi == 0x11, answer


# ISO7816: pps-failed
def test_pps_silence():
    pps, _ = exchange("FF10")
    pps.tick(893)
    assert pps.busy
    pps.tick(894)
    assert pps.status == _link.STATUS_PPS_FAILED


def test_pps_wanted():
    assert _pps.wanted(read(VITALE_ATR), 0)
    assert not _pps.wanted(read(CPS3_ATR), 0)
    assert not _pps.wanted(read(unhex("3B 90 95 10 10")), 0)  # specific mode


# ISO7816: chr-etu
def test_tables_of_f_and_d():
    """Typed from libccid's and simtrace2's tables: index, F, highest clock in MHz; the rest is reserved."""
    f = {0: (372, 4), 1: (372, 5), 2: (558, 6), 3: (744, 8), 4: (1116, 12), 5: (1488, 16), 6: (1860, 20)}
    f.update({9: (512, 5), 10: (768, 7.5), 11: (1024, 10), 12: (1536, 15), 13: (2048, 20)})
    d = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 6: 32, 7: 64, 8: 12, 9: 20}
    assert len(FI) == len(FMAX_KHZ) == len(DI) == 16
    for index in range(16):
        assert (FI[index], FMAX_KHZ[index]) == (f[index][0], f[index][1] * 1000) if index in f else not FI[index]
        assert DI[index] == d.get(index, 0)

"""The card's side of T=1 for tests inside MicroPython, written apart from the firmware: whole blocks as bytes."""


def crc16(data):
    """CRC bit by bit, high byte first."""
    c = 0xFFFF
    for byte in data:
        for i in range(8):
            bit = (c ^ byte >> i) & 1
            c >>= 1
            if bit:
                c ^= 0x8408
    return bytes((c >> 8, c & 0xFF))


def block(pcb, inf=b"", crc=False, nad=0):
    body = bytes((nad, pcb, len(inf))) + inf
    if crc:
        return body + crc16(body)
    x = 0
    for c in body:
        x ^= c
    return body + bytes((x,))


def i(ns, inf, more=False, crc=False):
    return block(ns << 6 | (0x20 if more else 0), inf, crc)


def r(nr, error=0, crc=False):
    return block(0x80 | nr << 4 | error, b"", crc)


def s(kind, inf=b"", crc=False):
    """`kind`: C0 RESYNCH, C1 IFS, C2 ABORT, C3 WTX; E0-E3 the responses."""
    return block(kind, inf, crc)


IFS_ASKED = s(0xC1, b"\xfe")
IFS_TAKEN = s(0xE1, b"\xfe")
RESYNCH = s(0xC0)
RESYNCHED = s(0xE0)

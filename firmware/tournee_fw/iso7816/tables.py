"""F and D of TA1 [ISO 7816-3 tables 7, 8; libccid]; 0 is reserved."""

FI = (372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048, 0, 0)
FMAX_KHZ = (4000, 5000, 6000, 8000, 12000, 16000, 20000, 0, 0, 5000, 7500, 10000, 15000, 20000, 0, 0)
DI = (0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0)

FD_DEFAULT = 372
DD_DEFAULT = 1
FIDI_DEFAULT = 0x11


def ms_of_etu(etu: int, f: int, d: int, khz: int) -> int:
    """Whole ms, rounded up, that `etu` elementary time units of f/d clocks last at `khz`."""
    return (etu * f + d * khz - 1) // (d * khz)


def ms_of_clocks(clocks: int, khz: int) -> int:
    """Whole ms, rounded up."""
    return (clocks + khz - 1) // khz


# An inverse-convention character read by a direct-convention UART: bits upside down, and high for low.
INVERSE = bytearray(256)
for _i in range(256):
    _v = 0
    for _b in range(8):
        if not _i >> _b & 1:
            _v |= 0x80 >> _b
    INVERSE[_i] = _v
INVERSE = bytes(INVERSE)
"""Translation in both directions: it is its own inverse."""

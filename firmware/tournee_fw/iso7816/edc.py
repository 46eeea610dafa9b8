"""Error detection codes of T=1 blocks [ISO 7816-3 §11.4.4; facts cards-and-readers §3.6]."""

# One nibble at a time, polynomial 8408.
_NIBBLES = (
    0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
    0x8408, 0x9489, 0xA50A, 0xB58B, 0xC60C, 0xD68D, 0xE70E, 0xF78F,
)  # fmt: skip


def lrc(buf, n: int) -> int:
    """XOR of the first `n` bytes; 0 over a good block with its LRC."""
    x = 0
    for i in range(n):
        x ^= buf[i]
    return x


def crc(buf, n: int) -> int:
    """CRC of the first `n` bytes: polynomial 8408 reflected, start FFFF, not inverted, sent high byte first.

    ISO 7816-3 §11.4.4 leaves start, inversion and order to ISO/IEC 13239; these are those of libccid and of the readers that
    were captured with it (OsEID, doc/T1_CRC.txt: `00 C1 01 FE` is followed by `54 4E`). Windows uses another code.
    """
    c = 0xFFFF
    for i in range(n):
        c ^= buf[i]
        c = c >> 4 ^ _NIBBLES[c & 15]
        c = c >> 4 ^ _NIBBLES[c & 15]
    return c

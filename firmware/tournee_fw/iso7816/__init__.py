"""ISO/IEC 7816-3/-4, reader side, as state machines without hardware: they are given bytes and the clock, and send by a callback.

A protocol (`t0.T0`, `t1.T1`) is an object with

    number                              0 or 1; T=0 is given TPDUs, T=1 whole APDUs
    timing(atr, fi, di, khz, slack_ms)  take its waiting times from the ATR and the F/D in use
    start(tpdu, n, out, limit, now)     begin an exchange; answer bytes go to `out[:limit]`; `tpdu` stays as it is
    start_raw(…, factor)                the same for one TPDU as it stands: T=0 a TPDU, T=1 one block with its check, which may
                                        take `factor` block waiting times
    feed(buf, n, now)                   `n` characters came from the card, already in direct convention
    parity(refused, damaged, now)       `CardPort.refused` and `.damaged`, before the characters they are about are fed
    tick(now)                           time passes; `due_ms(now)` says when it matters
    state                               0 when no exchange runs (`busy`)
    busy, status, length                exchange still running; `_link.STATUS_*`; bytes in `out`
    in_step                             the card can go on without a reset although the exchange failed
"""

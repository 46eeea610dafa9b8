"""Virtual cards: one card OS at two levels, APDUs (`core`, `cps3`, `vitale2`) and bytes (`t0`, `t1`, `line`); profiles are data.

`factory.make_card(id, …)` gives the card of a person of the catalogue. Layers, each usable alone:
`core.Card.execute(Command) -> Response` (also for `vpcd` and T=1) · `tpdu.TpduCard` (T=0 semantics: 61xx, 6Cxx, GET RESPONSE)
· `t0.ByteCard` (ATR, PPS, procedure bytes) · `t1.BlockCard` (blocks) · `line.CardLine` (the UART socket, pace, faults).
"""

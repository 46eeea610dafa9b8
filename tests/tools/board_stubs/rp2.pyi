"""What the firmware uses of MicroPython's `rp2` (docs: library/rp2)."""

from collections.abc import Callable
from typing import Any

from machine import Pin

class PIO:
    IN_LOW: int
    SHIFT_LEFT: int
    SHIFT_RIGHT: int

def asm_pio(**settings: int) -> Callable[[Callable[[], None]], list[Any]]: ...

class StateMachine:
    def __init__(
        self, id: int, program: list[Any], /, *, in_base: Pin, out_base: Pin, set_base: Pin, jmp_pin: Pin
    ) -> None: ...
    def active(self, value: int, /) -> None: ...
    def exec(self, instruction: int, /) -> None: ...

class DMA:
    channel: int
    read: int
    write: int
    count: int
    def pack_ctrl(self, **fields: int) -> int: ...
    def config(self, *, read: int, write: int, count: int, ctrl: int, trigger: bool = False) -> None: ...
    def active(self, value: int = ..., /) -> bool: ...

"""What the firmware uses of MicroPython's `pyb`."""

from typing import Any

def repl_uart(uart: Any, /) -> Any: ...

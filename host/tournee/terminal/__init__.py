"""The typed client of the terminal: slots, APDUs, scripts, PIN, display, events."""

from tournee.terminal.client import Terminal
from tournee.terminal.line import Patience
from tournee.terminal.model import Answer, PinRequest, PinResult, Power, Reader, Slot, StepAnswer, TerminalInfo

__all__ = [
    "Answer",
    "Patience",
    "PinRequest",
    "PinResult",
    "Power",
    "Reader",
    "Slot",
    "StepAnswer",
    "Terminal",
    "TerminalInfo",
]

"""Tournée: open card terminal and billing for French home-visit care.

`tournee.open(url)` is the blocking door for notebooks, QA scripts and pyscard users:

    with tournee.open("serial:/dev/ttyACM0") as desk:
        print(desk.patient().beneficiaires)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tournee.door import open as open

__all__ = ["open"]


def __getattr__(name: str) -> Any:
    if name == "open":
        from tournee.door import open as blocking_open

        return blocking_open
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

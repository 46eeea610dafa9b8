"""Transports that need the machine; each module has `make(url: Url) -> Transport` and is imported when its scheme is used."""

from __future__ import annotations

import importlib
from typing import Final

from tournee.link.errors import BadUrl
from tournee.link.transport import Transport
from tournee.link.url import Url, parse

_MODULES: Final = {
    "serial": "tournee.link.adapters.serial",
    "tcp": "tournee.link.adapters.tcp",
    "ble": "tournee.link.adapters.ble",
}


def transport(url: str | Url) -> Transport:
    """The transport for `url`, not yet open. Raises BadUrl."""
    parsed = parse(url) if isinstance(url, str) else url
    if parsed.scheme not in _MODULES:
        raise BadUrl(f"{parsed.scheme}: n'est pas une liaison vers un terminal.", "Utilisez serial:, tcp: ou ble:.")
    made: Transport = importlib.import_module(_MODULES[parsed.scheme]).make(parsed)
    return made

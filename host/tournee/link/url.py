"""URLs of terminals: `serial:/dev/ttyACM0`, `tcp:host:port`, `ble:NAME-or-ADDRESS?hci=…`, `pcsc:NAME`."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote

from tournee.link.errors import BadUrl
from tournee_protocol.link import DEFAULT_TCP_PORT

SCHEMES: Final = ("serial", "tcp", "ble", "pcsc")
_REMEDY: Final = "Écrivez par exemple serial:/dev/ttyACM0, tcp:127.0.0.1:9750, ble:Tournee-0001 ou pcsc:NOM."


@dataclass(frozen=True)
class Url:
    """`scheme:target?key=value`; `text` is what was written."""

    scheme: str
    target: str
    options: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    text: str = ""

    def __str__(self) -> str:
        return self.text

    def host_port(self) -> tuple[str, int]:
        """Host and port of a `tcp:` URL; IPv6 in brackets; the default port when none is written."""
        target = self.target
        if target.startswith("["):
            host, _, rest = target[1:].partition("]")
            port = rest.removeprefix(":")
        elif target.count(":") > 1:
            raise BadUrl(f"Adresse IPv6 sans crochets : {self.text}", "Écrivez tcp:[::1]:9750.")
        else:
            host, _, port = target.partition(":")
        if not host:
            raise BadUrl(f"Nom de machine absent : {self.text}", _REMEDY)
        if not port:
            return host, DEFAULT_TCP_PORT
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise BadUrl(f"Port invalide : {self.text}", "Écrivez un port de 1 à 65535.")
        return host, int(port)


def parse(text: str) -> Url:
    """Raises BadUrl that names what is wrong and shows a good one."""
    text = text.strip()
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in SCHEMES:
        raise BadUrl(f"Adresse de terminal inconnue : {text or '(vide)'}", _REMEDY)
    target, _, query = rest.partition("?")
    target = unquote(target.removeprefix("//") if scheme == "tcp" else target)
    if not target and scheme != "pcsc":
        raise BadUrl(f"Adresse de terminal incomplète : {text}", _REMEDY)
    url = Url(scheme, target, MappingProxyType(dict(parse_qsl(query, keep_blank_values=True))), text)
    if scheme == "tcp":
        url.host_port()
    return url

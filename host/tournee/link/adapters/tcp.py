"""TCP: a simulated terminal, or a serial server in the practice."""

from __future__ import annotations

import asyncio
import contextlib

from tournee.link.errors import LinkLost, LinkUnavailable
from tournee.link.transport import Traffic
from tournee.link.url import Url

_CHUNK_BYTES = 65536
_CONNECT_S = 10.0


def make(url: Url) -> TcpTransport:
    return TcpTransport(url)


class TcpTransport:
    def __init__(self, url: Url) -> None:
        self.url = str(url)
        self.traffic = Traffic()
        self._host, self._port = url.host_port()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        try:
            self._streams = await asyncio.wait_for(asyncio.open_connection(self._host, self._port), _CONNECT_S)
        except (OSError, TimeoutError) as exc:
            raise LinkUnavailable(
                f"Terminal injoignable à {self._host}:{self._port} ({_reason(exc)}).",
                "Vérifiez qu'il est allumé et que l'adresse est la bonne (tournee terminal use URL).",
            ) from exc

    async def read(self) -> bytes:
        if self._streams is None:
            raise LinkLost
        try:
            data = await self._streams[0].read(_CHUNK_BYTES)
        except OSError as exc:
            raise LinkLost from exc
        if not data:
            raise LinkLost
        self.traffic.bytes_in += len(data)
        return data

    async def write(self, data: bytes) -> None:
        if self._streams is None or self._streams[1].is_closing():
            raise LinkLost
        try:
            self._streams[1].write(data)
            await self._streams[1].drain()
        except OSError as exc:
            raise LinkLost from exc
        self.traffic.bytes_out += len(data)
        self.traffic.writes += 1

    async def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()


def _reason(exc: BaseException) -> str:
    if isinstance(exc, ConnectionRefusedError):
        return "connexion refusée"
    if isinstance(exc, TimeoutError):
        return "pas de réponse"
    return getattr(exc, "strerror", None) or type(exc).__name__

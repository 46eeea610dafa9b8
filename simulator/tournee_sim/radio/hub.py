"""The HCI hub: every client that connects (TCP or unix socket) gets a controller of its own on one simulated air.

A host process that dies is a radio whose power is cut: the other side is told, as by the supervision time-out.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bumble.transport.common import StreamPacketSource

from tournee_sim.radio.air import Air, AirConfig, AirStats
from tournee_sim.radio.controller import ACL_BYTES, AirController

DEFAULT_LISTEN: Final = "tcp:127.0.0.1:9811"
_log = logging.getLogger(__name__)


class ListenError(Exception):
    """The hub cannot listen at the address asked for."""


class AirHub:
    """`async with AirHub(AirConfig(interval_ms=30)) as hub: url, = await hub.listen("tcp:127.0.0.1:0")`."""

    def __init__(self, config: AirConfig | None = None, *, acl_bytes: int = ACL_BYTES) -> None:
        self.air = Air(config)
        self._acl_bytes = acl_bytes
        self._servers: list[asyncio.Server] = []
        self._ports: set[_HostPort] = set()
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> AirHub:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def listen(self, *addresses: str) -> list[str]:
        """`tcp:HOST:PORT` (port 0: a free one) or `unix:PATH`; returns the addresses as clients write them (`?hci=`)."""
        bound = []
        for address in addresses or (DEFAULT_LISTEN,):
            try:
                bound.append(await self._listen(address))
            except (OSError, ValueError) as exc:
                await self.close()
                raise ListenError(f"cannot listen at {address}: {exc}; give tcp:127.0.0.1:PORT or unix:PATH") from exc
        return bound

    @property
    def stats(self) -> AirStats:
        return self.air.stats

    @property
    def client_count(self) -> int:
        return len(self._ports)

    def set(self, **changes: Any) -> None:
        """Change fields of `AirConfig` (`loss`, `max_pdus_per_event`, `phy_mbps`); an interval counts for new connections."""
        self.air.config = replace(self.air.config, **changes)

    async def close(self) -> None:
        """End all connections and stop listening; never raises."""
        for port in list(self._ports):
            port.close()
        for server in self._servers:
            server.close()
            with contextlib.suppress(OSError):
                await server.wait_closed()
        self._servers.clear()

    async def _listen(self, address: str) -> str:
        kind, _, rest = address.partition(":")
        loop = asyncio.get_running_loop()
        if kind == "unix" and rest:
            self._servers.append(await loop.create_unix_server(self._new_port, _fresh(rest)))
            return address
        host, _, port = rest.rpartition(":")
        if kind != "tcp" or not host:
            raise ValueError("not an address")
        server = await loop.create_server(self._new_port, host, int(port))
        self._servers.append(server)
        return f"tcp:{host}:{server.sockets[0].getsockname()[1]}"

    def _new_port(self) -> _HostPort:
        return _HostPort(self)

    def _joined(self, port: _HostPort) -> AirController:
        self._ports.add(port)
        return AirController(f"C{next(self._numbers)}", air=self.air, host_sink=port, acl_bytes=self._acl_bytes)

    def _left(self, port: _HostPort) -> None:
        self._ports.discard(port)


def _fresh(path: str) -> str:
    """A socket file left by an earlier run would be refused."""
    Path(path).unlink(missing_ok=True)
    return path


class _HostPort(StreamPacketSource):  # type: ignore[misc]
    """One client's socket: bytes in are HCI packets for its controller, packets of the controller are bytes out."""

    def __init__(self, hub: AirHub) -> None:
        super().__init__()
        self._hub = hub
        self._controller: AirController | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._controller = self._hub._joined(self)
        self.set_packet_sink(self._controller)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except Exception as exc:  # hostile or foreign bytes: this client goes, the hub stays
            _log.warning("HCI client sent what is not HCI (%s); its connection is closed", type(exc).__name__)
            self.close()

    def on_packet(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.power_off()
        self._hub._left(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

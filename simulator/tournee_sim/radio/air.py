"""The simulated air: connection events, airtime, loss, jamming and drops, under Bumble's virtual controllers.

Public facts modelled [SPEC Core 5.4 Vol 6 Part B]: data moves at connection events only; a PDU of n bytes takes
(n + 14) * 8 / phy microseconds with an answer and two gaps of 150 us; a lost PDU closes the event and is sent again
(loss is delay); nothing heard for the supervision time-out ends the connection with reason 0x08.
Not modelled: peripheral latency, airtime shared between connections, LL control PDUs (they are instant).
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bumble import hci
from bumble.link import LocalLink

_PDU_OVERHEAD_BYTES: Final = 14  # preamble 1, access address 4, header 2, MIC 4, CRC 3
_GAPS_US: Final = 300.0
_EMPTY_ACK_BITS: Final = 80
_EVENT_SHARE: Final = 0.95  # of the interval; the rest is left to the next event's anchor


@dataclass(frozen=True)
class AirConfig:
    """How the air behaves. `interval_ms` 0 is instant air (data moves at once, loss does not apply)."""

    interval_ms: float = 0.0
    max_pdus_per_event: int | None = None  # None: as many as the airtime allows; phones allow 4 to 6
    phy_mbps: float = 1.0
    loss: float = 0.0  # share of LL PDUs lost, 0.0 to 1.0
    seed: int = 1
    supervision_ms: float | None = None  # None: what the central asked for

    def __post_init__(self) -> None:
        if self.interval_ms < 0:
            raise ValueError(f"interval_ms is {self.interval_ms}: give 0 (instant) or 7.5 to 4000")
        if not 0.0 <= self.loss <= 1.0:
            raise ValueError(f"loss is {self.loss}: give a share between 0 and 1")


PHONE: Final = AirConfig(interval_ms=30, max_pdus_per_event=6)
"""What a phone gives a peripheral: 30 ms, some PDUs per event [GK: Android's balanced priority is 30-50 ms]."""


@dataclass
class AirStats:
    """Counted since the air began."""

    connections: int = 0
    drops: int = 0  # ended by the supervision time-out or by `Air.drop`
    events: int = 0  # connection events in which data was waiting
    pdus: int = 0  # data PDUs sent, the lost ones included
    lost: int = 0
    payload_bytes: int = 0  # delivered, L2CAP header included

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def _key(connection: Any) -> frozenset[str]:
    return frozenset((str(connection.self_address), str(connection.peer_address)))


@dataclass
class _Waiting:
    controller: Any
    connection: Any
    packet: Any


@dataclass
class _Channel:
    """One connection on the air; wakes up only while data waits."""

    air: Air
    key: frozenset[str]
    interval_s: float
    supervision_s: float
    queues: dict[int, deque[_Waiting]] = field(default_factory=dict)
    anchor_s: float = 0.0
    missed_events: int = 0
    event: asyncio.TimerHandle | None = None
    watchdog: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.anchor_s = asyncio.get_running_loop().time()

    def push(self, waiting: _Waiting) -> None:
        self.queues.setdefault(id(waiting.controller), deque()).append(waiting)
        if self.air.jammed:
            return
        if self.interval_s == 0:
            self.flush()
        elif self.event is None:
            self.missed_events = 0  # idle links exchange empty PDUs
            self._schedule()

    def flush(self) -> None:
        for queue in self.queues.values():
            while queue:
                self._deliver(queue.popleft())

    def jam(self, on: bool) -> None:
        if not on:
            self._stop_watchdog()
            if self.interval_s == 0:
                self.flush()
            elif any(self.queues.values()):
                self._schedule()
            return
        self._stop_event()
        if self.watchdog is None:
            self.watchdog = asyncio.get_running_loop().call_later(self.supervision_s, self._timed_out)

    def close(self) -> None:
        self._stop_event()
        self._stop_watchdog()
        self.queues.clear()

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        turn = math.floor((loop.time() - self.anchor_s) / self.interval_s) + 1
        self._stop_event()
        self.event = loop.call_at(self.anchor_s + turn * self.interval_s, self._run_event)

    def _run_event(self) -> None:
        self.event = None
        self.air.stats.events += 1
        self.missed_events = 0 if self._exchange() else self.missed_events + 1
        if self.missed_events * self.interval_s > self.supervision_s:
            self._timed_out()
            return
        if any(self.queues.values()):
            self._schedule()

    def _exchange(self) -> bool:
        """One connection event; True if at least one PDU got through."""
        config, stats = self.air.config, self.air.stats
        budget_us = self.interval_s * 1e6 * _EVENT_SHARE
        pdus_left = config.max_pdus_per_event or 1_000_000
        heard = False
        while budget_us > 0 and pdus_left > 0 and any(self.queues.values()):
            for queue in [q for q in self.queues.values() if q]:
                bits = (_PDU_OVERHEAD_BYTES + len(queue[0].packet.data)) * 8 + _EMPTY_ACK_BITS
                budget_us -= bits / config.phy_mbps + _GAPS_US
                pdus_left -= 1
                if config.loss and self.air.rng.random() < config.loss:
                    stats.pdus += 1
                    stats.lost += 1
                    return heard
                self._deliver(queue.popleft())
                heard = True
        return heard

    def _deliver(self, waiting: _Waiting) -> None:
        self.air.stats.pdus += 1
        self.air.stats.payload_bytes += len(waiting.packet.data)
        self.air.count_down()
        waiting.connection.assembler.feed_packet(waiting.packet)
        waiting.controller.send_hci_packet(
            hci.HCI_Number_Of_Completed_Packets_Event(
                connection_handles=[waiting.connection.handle], num_completed_packets=[1]
            )
        )

    def _timed_out(self) -> None:
        self.air.end(self.key, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _stop_event(self) -> None:
        if self.event is not None:
            self.event.cancel()
            self.event = None

    def _stop_watchdog(self) -> None:
        if self.watchdog is not None:
            self.watchdog.cancel()
            self.watchdog = None


class Air(LocalLink):  # type: ignore[misc]
    """The link bus between `controller.AirController`s; `config` may be replaced while connections live."""

    def __init__(self, config: AirConfig | None = None) -> None:
        super().__init__()
        self.config = config or AirConfig()
        self.stats = AirStats()
        self.rng = random.Random(self.config.seed)
        self.jammed = False
        self._pdus_to_drop: int | None = None
        self._channels: dict[frozenset[str], _Channel] = {}

    def jam(self, on: bool) -> None:
        """Nothing gets through while `on`; connections end when their supervision time-out has passed."""
        self.jammed = on
        for channel in list(self._channels.values()):
            channel.jam(on)

    def drop_after(self, pdus: int) -> None:
        """`drop` once so many more PDUs have arrived; 0 is now."""
        self._pdus_to_drop = pdus if pdus else None
        if not pdus:
            self.drop()

    def count_down(self) -> None:
        """One more PDU is on its way to its host."""
        if self._pdus_to_drop is None:
            return
        self._pdus_to_drop -= 1
        if self._pdus_to_drop == 0:
            self._pdus_to_drop = None
            asyncio.get_running_loop().call_soon(self.drop)

    def drop(self) -> int:
        """End every connection now, as when a door closes; both sides see reason 0x08. Returns how many there were."""
        keys = list(self._channels)
        for key in keys:
            self.end(key, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
        return len(keys)

    def end(self, key: frozenset[str], reason: int) -> None:
        """End one connection on both sides."""
        self.stats.drops += 1
        for controller, connection in list(self._connections()):
            if _key(connection) == key:
                controller.on_le_disconnected(connection, reason)

    @property
    def connection_count(self) -> int:
        return len(self._channels)

    def opened(self, connection: Any, interval_units: int, timeout_units: int) -> None:
        """A central's connection exists; units of 1.25 ms and 10 ms as in HCI."""
        interval_ms = self.config.interval_ms
        supervision_ms = self.config.supervision_ms or timeout_units * 10
        self.stats.connections += 1
        channel = _Channel(self, _key(connection), interval_ms / 1000, supervision_ms / 1000)
        self._channels[channel.key] = channel
        if self.jammed:
            channel.jam(True)

    def push(self, controller: Any, connection: Any, packet: Any) -> bool:
        """Queue one LL PDU; False if the air knows no such connection."""
        channel = self._channels.get(_key(connection))
        if channel is None:
            return False
        channel.push(_Waiting(controller, connection, packet))
        return True

    def gone(self, connection: Any) -> None:
        channel = self._channels.pop(_key(connection), None)
        if channel is not None:
            channel.close()

    def _connections(self) -> Iterator[tuple[Any, Any]]:
        for controller in list(self.controllers):
            for connection in list(controller.le_connections.values()):
                yield controller, connection

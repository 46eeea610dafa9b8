"""Bumble's virtual controller with what its stock version leaves out, on a timed `air.Air`.

Corrected here (each was met in Bumble 0.0.236): back-pressure (Number_Of_Completed_Packets when the PDU has left), a working
LE_Create_Connection_Cancel, real scan responses, the connection parameters that the peripheral is told, a central that
lost the race for a peripheral (reason 0x3E instead of a ghost connection).
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, Final

from bumble import hci
from bumble.controller import Controller

from tournee_sim.radio.air import Air

ACL_BYTES: Final = 251
"""LL data length extension in use; 27 is a radio without it."""
_TURNS_TO_ESTABLISH: Final = 4  # event-loop turns that a CONNECT_IND needs to reach the peripheral


class AirController(Controller):  # type: ignore[misc]
    """One host's radio chip."""

    def __init__(self, name: str, *, air: Air, host_sink: Any = None, acl_bytes: int = ACL_BYTES) -> None:
        super().__init__(name, host_sink=host_sink, link=air)
        self.air = air
        self.acl_data_packet_length = acl_bytes
        self.le_acl_data_packet_length = acl_bytes
        self.pending_le_connection: Any = None
        self._connect_ind: Any = None
        self._active_scan = True
        self._scan_response: bytes | None = None

    def power_off(self) -> None:
        """The host is gone: stop advertising and end the connections as silence would."""
        self.le_legacy_advertiser.stop()
        for advertising_set in self.advertising_sets.values():
            advertising_set.stop()
        self.set_packet_sink(None)
        for connection in list(self.le_connections.values()):
            peer = self.air.find_le_controller(connection.peer_address)
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
            if peer is not None and peer is not self:
                peer_connection = peer.le_connections.get(connection.self_address)
                if peer_connection is not None:
                    self.air.stats.drops += 1
                    peer.on_le_disconnected(peer_connection, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
        self.air.remove_controller(self)

    # ---- data

    def on_hci_acl_data_packet(self, packet: Any) -> None:
        connection = self.find_connection_by_handle(packet.connection_handle)
        if connection is None or not self.air.push(self, connection, packet):
            super().on_hci_acl_data_packet(packet)

    # ---- connections

    def create_le_connection(self, peer_address: Any) -> None:
        if self.air.jammed:
            return
        asked = self.pending_le_connection
        super().create_le_connection(peer_address)
        connection = self.le_connections.get(peer_address)
        if connection is None:
            return
        extended = hasattr(asked, "connection_interval_mins")
        interval = asked.connection_interval_mins[0] if extended else asked.connection_interval_min
        timeout = asked.supervision_timeouts[0] if extended else asked.supervision_timeout
        self.air.opened(connection, interval, timeout)
        self._check_established(connection, _TURNS_TO_ESTABLISH)

    def _check_established(self, connection: Any, turns: int) -> None:
        if self.le_connections.get(connection.peer_address) is not connection:
            return
        peer = self.air.find_le_controller(connection.peer_address)
        if peer is not None and connection.self_address in peer.le_connections:
            return
        if turns:
            asyncio.get_running_loop().call_soon(self._check_established, connection, turns - 1)
        else:
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def on_le_connect_ind(self, packet: Any) -> None:
        self._connect_ind = packet
        try:
            super().on_le_connect_ind(packet)
        finally:
            self._connect_ind = None

    def on_le_disconnected(self, connection: Any, reason: int) -> None:
        self.air.gone(connection)
        if self.le_connections.get(connection.peer_address) is connection:
            super().on_le_disconnected(connection, reason)

    def on_hci_le_create_connection_cancel_command(self, command: Any) -> Any:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            cancelled = hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=0,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
            asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return super().on_hci_le_create_connection_cancel_command(command)

    # ---- advertising and scanning

    def on_hci_le_set_extended_scan_parameters_command(self, command: Any) -> Any:
        self._active_scan = bool(command.scan_types[0])
        return super().on_hci_le_set_extended_scan_parameters_command(command)

    def on_hci_le_set_scan_parameters_command(self, command: Any) -> Any:
        self._active_scan = bool(command.le_scan_type)
        return super().on_hci_le_set_scan_parameters_command(command)

    def on_advertising_pdu(self, pdu: Any) -> None:
        if self.air.jammed:
            return
        self._scan_response = self._scan_response_of(pdu.advertiser_address)
        try:
            super().on_advertising_pdu(pdu)
        finally:
            self._scan_response = None

    def _scan_response_of(self, address: Any) -> bytes:
        for controller in self.air.controllers:
            if controller is self:
                continue
            for advertiser in (controller.le_legacy_advertiser, *controller.advertising_sets.values()):
                if advertiser.enabled and advertiser.address == address:
                    return bytes(advertiser.scan_response_data)
        return b""

    def send_hci_packet(self, packet: Any) -> None:
        if self._scan_response is not None and isinstance(packet, hci.HCI_LE_Extended_Advertising_Report_Event):
            report = packet.reports[0]
            if report.event_type & hci.HCI_LE_Extended_Advertising_Report_Event.EventType.SCAN_RESPONSE:
                if not self._active_scan or not self._scan_response:
                    return
                report = dataclasses.replace(report, data=self._scan_response)
                packet = hci.HCI_LE_Extended_Advertising_Report_Event([report])
        if isinstance(packet, hci.HCI_LE_Connection_Complete_Event):
            packet = self._with_true_parameters(packet)
        super().send_hci_packet(packet)

    def _with_true_parameters(self, event: Any) -> Any:
        asked = self._connect_ind
        interval = asked.interval if asked is not None else event.connection_interval
        if event.status == hci.HCI_ErrorCode.SUCCESS and self.air.config.interval_ms:
            interval = round(self.air.config.interval_ms / 1.25)
        return hci.HCI_LE_Connection_Complete_Event(
            status=event.status,
            connection_handle=event.connection_handle,
            role=event.role,
            peer_address_type=event.peer_address_type,
            peer_address=event.peer_address,
            connection_interval=interval,
            peripheral_latency=asked.latency if asked is not None else event.peripheral_latency,
            supervision_timeout=asked.timeout if asked is not None else event.supervision_timeout,
            central_clock_accuracy=0,
        )

"""What is signed, by which card, how it is verified."""

from tournee.signing.message import KINDS, MESSAGE_BYTES, Kind, message

__all__ = ["KINDS", "MESSAGE_BYTES", "Kind", "message"]

"""The mail account of a practitioner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Security = Literal["none", "starttls", "tls"]


@dataclass(frozen=True)
class MailAccount:
    """SMTP and POP3 of one account; the password is never printed and stands sealed in the journal, not in the settings."""

    address: str
    smtp_host: str
    smtp_port: int
    pop3_host: str
    pop3_port: int
    user: str = ""  # empty: the address
    password: str = field(default="", repr=False)
    smtp_security: Security = "starttls"
    pop3_security: Security = "tls"
    smtp_login: bool = True
    timeout_s: float = 30.0
    ca_file: str = ""  # PEM of an authority to trust besides those of the system

    @property
    def login(self) -> str:
        return self.user or self.address

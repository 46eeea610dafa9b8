"""What SMTP and POP3 share: TLS context, and the one sentence per network failure."""

from __future__ import annotations

import socket
import ssl

from tournee.transmit.settings import MailAccount


def tls_context(account: MailAccount) -> ssl.SSLContext:
    """Certificates of the system, and those of `ca_file`."""
    context = ssl.create_default_context()
    if account.ca_file:
        context.load_verify_locations(account.ca_file)
    return context


def why(exc: BaseException, host: str, port: int) -> tuple[str, str]:
    """(what happened, what to do) in French; holds no answer of the server, which may echo a login."""
    if isinstance(exc.__context__, TimeoutError):
        exc = exc.__context__  # smtplib wraps it
    place = f"{host}:{port}"
    if isinstance(exc, ConnectionRefusedError):
        return (
            f"Le serveur de courrier {place} refuse la connexion.",
            "Vérifiez l'adresse et le port, ou réessayez plus tard.",
        )
    if isinstance(exc, socket.gaierror):
        return (
            f"Le serveur de courrier {host} est introuvable.",
            "Vérifiez la connexion à Internet et le nom du serveur.",
        )
    if isinstance(exc, ssl.SSLCertVerificationError):
        return (
            f"Le certificat du serveur {place} n'est pas reconnu.",
            "Vérifiez le nom du serveur auprès de votre fournisseur.",
        )
    if isinstance(exc, ssl.SSLError):
        return (
            f"Pas de liaison chiffrée possible avec {place}.",
            "Vérifiez le port et le mode (TLS, STARTTLS) du compte.",
        )
    if isinstance(exc, TimeoutError):
        return f"Le serveur de courrier {place} ne répond pas.", "Vérifiez la connexion à Internet, puis réessayez."
    return f"La liaison avec le serveur de courrier {place} a été coupée.", "Réessayez ; rien n'est perdu."

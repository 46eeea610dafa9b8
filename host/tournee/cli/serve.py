"""`tournee serve`: the billing engine over HTTP."""

from __future__ import annotations

import click

DEFAULT_PORT = 8765


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="TCP port; 0 = any free one."
)
def command(host: str, port: int) -> int:
    """Serve evaluate, questions and price over HTTP; keeps nothing (docs/HTTP.md)."""
    import ipaddress
    import socket

    from tournee.errors import NetworkError, UsageError

    try:
        import uvicorn

        from tournee.web.app import create_app
    except ModuleNotFoundError as exc:
        raise UsageError(f"The HTTP API needs {exc.name}.", "pip install 'tournee[web]'") from None

    from tournee.cli.ports import SystemClock

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as exc:
        raise NetworkError(
            f"Cannot listen on {host}, port {port}: {str(exc.strerror).partition(' (')[0]}.",
            "Choose another --port or --host.",
        ) from None
    with listener:
        bound = listener.getsockname()
        shown = f"[{bound[0]}]" if family == socket.AF_INET6 else bound[0]
        if not ipaddress.ip_address(bound[0]).is_loopback:
            click.echo(
                "Anyone on this network can connect, unencrypted: put a TLS proxy with a login in front.", err=True
            )
        click.echo(f"http://{shown}:{bound[1]}/v1/openapi.json   (Ctrl-C ends)")
        # No access log: an address may hold what a client put into it.
        config = uvicorn.Config(create_app(today=SystemClock().today), access_log=False, log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])
    return 0

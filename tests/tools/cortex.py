"""Runs MicroPython text in the image of the board `qemu`, over the raw REPL, with virtual time that counts instructions.

`-icount shift=6`: an instruction is 64 ns of virtual time, so a timer of 25 MHz counts 1.6 per instruction, whatever the machine does
meanwhile [QEMU system emulation: TCG instruction counting]. The same text gives the same counts, to the instruction.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tournee_sim.boards.qemu import RAM_DISK, find_qemu

RIG = Path(__file__).resolve().parents[1] / "bench" / "guest" / "rig.py"
_BANNER = b"raw REPL; CTRL-B to exit\r\n>"


class GuestError(RuntimeError):
    """The text ended with an exception: its traceback."""


def run(image: Path, text: str, *, counting: bool = True, timeout_s: float = 300.0) -> Any:
    """What the last line that `text` prints says, as JSON; raises GuestError. `littlefs.img` beside the image is put on the RAM disk.

    Without `counting` it is faster, and the timer counts the computer's time.
    """
    with tempfile.TemporaryDirectory(prefix="tq") as name:
        folder = Path(name)
        servers = [_listen(folder / line) for line in ("uart0", "qmp")]
        command = [find_qemu(), "-machine", "mps2-an385", "-nodefaults", "-display", "none", "-monitor", "none"]
        command += ["-semihosting-config", "enable=on,target=native"]
        command += ["-icount", "shift=6,sleep=off"] if counting else []
        command += ["-kernel", str(image), "-qmp", f"unix:{folder}/qmp", "-serial", f"unix:{folder}/uart0"]
        disk = image.with_name("littlefs.img")
        if disk.is_file():
            command += ["-device", f"loader,file={disk},addr=0x{RAM_DISK:08X},force-raw=on"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            uart, monitor = (server.accept()[0] for server in servers)
            with uart, monitor:
                uart.settimeout(timeout_s)
                return _converse(uart, monitor, text)
        finally:
            process.kill()
            process.wait()
            for server in servers:
                server.close()


def _listen(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    server.settimeout(20)
    return server


def _converse(uart: socket.socket, monitor: socket.socket, text: str) -> Any:
    have = b""

    def until(end: bytes) -> bytes:
        nonlocal have
        while end not in have:
            data = uart.recv(65536)
            if not data:
                raise GuestError(f"QEMU ended: {have[-400:].decode('utf-8', 'replace')}")
            have += data
        before, _, have = have.partition(end)
        return before

    monitor.recv(4096)
    until(b">>> ")
    uart.sendall(b"\x01")
    monitor.sendall(
        b'{"execute": "qmp_capabilities"}\n'
    )  # QEMU 7.2 looks at the UART's socket again when something woke it
    until(_BANNER)
    uart.sendall(text.encode() + b"\x04")
    until(b"OK")
    said, failed = until(b"\x04"), until(b"\x04")
    if failed:
        raise GuestError(failed.decode("utf-8", "replace"))
    return json.loads(said.decode().strip().splitlines()[-1])

"""A virtual machine whose Linux is the USB host: QEMU without acceleration, Debian's kernel, and this machine's files, read-only, below it.

Programs of this machine run in it as they are (`run`), on its kernel and its devices; `/tmp` is its own. The cable is QEMU's `usb-redir`
(`tournee_sim.usb.redir`); it looks for a board at its end once a second. What the kernel says comes as it comes: `said`, `wait_said`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

TOP = Path(sys.prefix).parent
LINUX = TOP / ".tools" / "linux"
_INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs devtmpfs /dev
for m in /modules/*; do $b insmod $m; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 root /host
for d in dev proc sys; do $b mount -o bind /$d /host/$d; done
$b mount -o bind /host /below
$b mount -t tmpfs tmpfs /host/tmp
for d in KEPT; do $b mkdir -p /host$d; $b mount -o bind /below$d /host$d; done
exec <>/dev/ttyS1 >&0 2>&1
$b stty raw -echo
echo "@@ 0"
while read -r line; do eval "$line" </dev/null; code=$?; echo; echo "@@ $code"; done
"""
_BOOT_S, _RUN_S = 120.0, 90.0


class Guest:
    """Runs from `with` to its end. `cable` is where a board's `usbredir` socket is, or will be."""

    def __init__(self, folder: Path, cable: Path) -> None:
        self._folder = folder
        self.cable = cable
        self._log = bytearray()
        self._grown = threading.Condition(threading.RLock())
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        initrd = self._folder / "initrd"
        initrd.write_bytes(b"".join(_archive()))
        console, control = socket.socketpair(), socket.socketpair()
        command = [
            *(("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()),
            *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "512"),
            *(
                "-nodefaults",
                "-no-reboot",
                "-display",
                "none",
                "-kernel",
                str(LINUX / "vmlinuz"),
                "-initrd",
                str(initrd),
            ),
            *("-append", "console=ttyS0 panic=-1 loglevel=7 mitigations=off nokaslr tsc=reliable"),
            *("-chardev", f"socket,id=console,fd={console[1].fileno()}", "-serial", "chardev:console"),
            *("-chardev", f"socket,id=control,fd={control[1].fileno()}", "-serial", "chardev:control"),
            *("-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"),
            *("-device", "qemu-xhci,id=xhci", "-chardev", f"socket,id=cable,path={self.cable},reconnect=1"),
            *("-device", "usb-redir,chardev=cable,bus=xhci.0"),
        ]
        self._errors = (self._folder / "qemu.log").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=self._errors, pass_fds=(console[1].fileno(), control[1].fileno())
        )
        for pair in (console, control):
            pair[1].close()
        self._console, self._control = console[0], control[0].makefile("rwb", buffering=0)
        self._socket = control[0]
        self._listener = threading.Thread(target=self._listen, name="kernel log", daemon=True)
        self._listener.start()
        try:
            self._answer(_BOOT_S)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self._errors.close()
        self._console.close()
        self._control.close()
        self._socket.close()

    def restart(self) -> None:
        """Off and on again; its log begins anew."""
        self.__exit__(None, None, None)
        self._log.clear()
        self.__enter__()

    # --- programs -----------------------------------------------------------------------------------------------------

    def shell(self, line: str, timeout_s: float = _RUN_S) -> tuple[int, str]:
        """A line of busybox's shell: exit code and all it printed. Raises TimeoutError."""
        self._control.write(line.encode() + b"\n")
        return self._answer(timeout_s)

    def run(self, *command: str | Path, timeout_s: float = _RUN_S, **environment: str) -> tuple[int, str]:
        """A program of this machine. Raises TimeoutError."""
        words = [
            "env",
            "-i",
            "HOME=/tmp",
            f"PATH={os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE=1",
            "NO_COLOR=1",
            "COLUMNS=200",
        ]
        words += [f"{key}={value}" for key, value in environment.items()]
        quoted = shlex.join([*words, *map(str, command)])
        return self.shell(f"$b chroot /host {quoted} >/out 2>&1; c=$?; $b cat /out; (exit $c)", timeout_s)

    def _answer(self, timeout_s: float) -> tuple[int, str]:
        end, lines = time.monotonic() + timeout_s, []
        while True:
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                line = self._control.readline()
            except TimeoutError:
                raise TimeoutError(f"the virtual machine does not answer; {self._tail()}") from None
            if not line:
                raise RuntimeError(f"the virtual machine has ended; {self._tail()}")
            if line.startswith(b"@@ "):
                return int(line[3:]), b"".join(lines).decode("utf-8", "replace").rstrip("\n")
            lines.append(line)

    # --- the kernel's log ---------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """A place in the log: what is said from now on."""
        with self._grown:
            return len(self._log)

    def said(self, since: int = 0) -> str:
        with self._grown:
            return self._log[since:].decode("utf-8", "replace").replace("\r", "")

    def wait_said(self, pattern: str, since: int = 0, timeout_s: float = 60.0) -> re.Match[str]:
        """The first match of `pattern` in what the kernel said after `since`. Raises TimeoutError."""
        end = time.monotonic() + timeout_s
        with self._grown:
            while (found := re.search(pattern, self.said(since))) is None:
                if not self._grown.wait(max(0.0, end - time.monotonic())):
                    raise TimeoutError(f"the kernel did not say {pattern!r}; {self._tail()}")
        return found

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self._console.recv(4096):
                with self._grown:
                    self._log += piece
                    self._grown.notify_all()

    def _tail(self) -> str:
        errors = (self._folder / "qemu.log").read_text("utf-8", "replace")
        return f"the end of its log:\n{self._log[-2000:].decode('utf-8', 'replace')}\n{errors}"


def _archive() -> Iterator[bytes]:
    """An initial file system in the format `newc` of cpio."""
    files: list[tuple[str, int, bytes, tuple[int, int]]] = [
        (name, 0o40755, b"", (0, 0)) for name in ("dev", "proc", "sys", "bin", "host", "below", "modules")
    ]
    files.append(("dev/console", 0o20600, b"", (5, 1)))
    files.append(("bin/busybox", 0o100755, Path("/bin/busybox").read_bytes(), (0, 0)))
    files += [(f"modules/{path.name}", 0o100644, path.read_bytes(), (0, 0)) for path in sorted(LINUX.glob("*.ko"))]
    kept = [str(path) for path in (TOP, Path(sys.base_prefix)) if path.is_relative_to("/tmp")]  # the tree may lie there
    init = _INIT.replace("KEPT", shlex.join(kept))
    files += [("init", 0o100755, init.encode(), (0, 0)), ("TRAILER!!!", 0, b"", (0, 0))]
    for number, (name, mode, content, device) in enumerate(files, 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        yield head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)

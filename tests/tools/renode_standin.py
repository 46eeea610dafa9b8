#!/usr/bin/env python3
"""In Renode's place for tests of its launcher: reads Renode's command line, runs the same image by QEMU on the same TCP ports.

It shows that the launcher starts, joins and ends what it should; what Renode itself does with the scripts it does not show.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time


def main() -> None:
    monitor = sys.argv[sys.argv.index("-e") + 1]
    ports = dict(re.findall(r"\$uart(\d)=(\d+)", monitor))
    elf = re.search(r"\$elf=@(\S+?);", monitor)
    assert elf
    assert "include @" in monitor
    assert monitor.endswith("start")
    command = ["qemu-system-arm", "-machine", "mps2-an385", "-nodefaults", "-display", "none", "-monitor", "stdio"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", elf[1]]
    for number in range(5):
        command += ["-serial", f"tcp:127.0.0.1:{ports[str(number)]},server=on,wait=on"]
    machine = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )  # of our process group: ends with us
    assert machine.stdin
    # QEMU 7.2 looks at a UART that was just enabled only when something else has woken it
    while machine.poll() is None:
        machine.stdin.write(b"\n")
        machine.stdin.flush()
        time.sleep(0.1)
    sys.exit(machine.returncode)


if __name__ == "__main__":
    main()

"""Waiting for the end of a terminal that was asked to stop."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from types import FrameType


def wait_gone(state: Path, timeout_s: int = 20) -> bool:
    """Block until the process that holds the lock of `state` is gone; False after `timeout_s`."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    descriptor = os.open(state / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(timeout_s)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except TimeoutError:
        return False
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        os.close(descriptor)
    return True

"""Starts the terminal version that `tournee/current` names; laid at the top of a board's file system by `tournee flash`.

Whatever fails, the REPL is there: nothing installed, three starts that did not come up, a key held at power-on.
"""

import gc
import os
import sys

BASE = "tournee/"
STARTS = 3


def told(name: str) -> str:
    """Text of a small file beside the versions, empty when it is not there."""
    try:
        with open(BASE + name) as file:
            return file.read().strip()
    except OSError:
        return ""


def keep(name: str, text: str) -> None:
    with open(BASE + name, "w") as file:
        file.write(text)


def healthy() -> None:
    """The version has come up: earlier failed starts are forgotten."""
    try:
        os.remove(BASE + "tries")
    except OSError:
        pass


def again() -> None:
    """Power on once more, where the port can."""
    try:
        import machine

        machine.reset()  # type: ignore[attr-defined] (the unix port, whose stubs are read, has none)
    except (ImportError, AttributeError):
        pass


def start() -> None:
    folder, _, board = told("current").partition(" ")
    if folder not in ("a", "b") or not board:
        print("tournee: no version is installed. Remedy: tournee flash")
        return
    tries = told("tries")
    count = int(tries) if tries.isdigit() else 0
    if count >= STARTS:
        print("tournee: %d starts failed. Remedy: tournee flash" % count)
        return
    try:
        keep("tries", str(count + 1))
    except OSError:
        pass  # a full file system must not keep the terminal from starting
    sys.path.insert(0, BASE + folder)
    gc.threshold(4096)  # else what loading leaves behind makes holes of the heap (docs/EMULATION.md)
    try:
        from tournee_fw import buildinfo

        manifest = buildinfo.manifest(BASE + folder + "/tournee_fw")
        module = "tournee_fw.boards.%s.main" % board
        __import__(module)
        sys.modules[module].run(told("name"), manifest, healthy=healthy)
    except Exception as error:
        print("tournee: version %s has ended" % folder)
        sys.print_exception(error)
        again()
    else:
        healthy()
        print("tournee: the terminal has left the line to the REPL")


if __name__ == "__main__":
    start()

"""The terminal as a process: `micropython -X heapsize=320k main.py key=value …` (keys: docs/ARCHITECTURE.md), or installed like on a board (`run`).

Ends with 0 when the simulator closes the board's lines, 2 for a bad argument, 4 when nobody listens at one of them.
"""

import gc
import sys

USAGE = """usage: micropython -X heapsize=320k main.py slot0=unix:PATH slot1=unix:PATH iobus=unix:PATH
       [link=unix:PATH] [ble=unix:PATH] [ccid=unix:PATH [reader=SEC1210|GemPCTwin|GemPCPinPad]] [name=NAME] [state=DIR]"""
_SOCKETS = ("slot0", "slot1", "iobus", "link", "usb", "ble", "ccid")
_KEYS = _SOCKETS + ("reader", "name", "state")


def arguments(argv):
    """argv as a dict; ValueError names the argument that is not understood."""
    found = {"name": "Tournee-0001", "reader": "SEC1210"}
    for item in argv:
        key, sep, value = item.partition("=")
        if not sep or key not in _KEYS or not value:
            raise ValueError(item)
        if key in _SOCKETS:
            if not value.startswith("unix:"):
                raise ValueError(item)
            value = value[5:]
        if key == "reader" and value not in ("SEC1210", "GemPCTwin", "GemPCPinPad"):
            raise ValueError(item)
        found[key] = value
    for key in ("slot0", "iobus"):
        if key not in found:
            raise ValueError("missing " + key)
    return found


def main(argv):
    gc.threshold(8192)  # while modules are compiled: what stays is packed, and large buffers find room
    here = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
    package = here + "/../.."
    sys.path.insert(0, package + "/..")
    try:
        args = arguments(argv)
    except ValueError as error:
        print("main.py: %s\n%s" % (error.args[0], USAGE), file=sys.stderr)
        return 2
    from tournee_fw import buildinfo

    return _terminal(args, [], args["name"], buildinfo.manifest(package))


def run(name, manifest, healthy=None):
    """Installed like on a board: the link is USB's or the REPL's own line, the rest stands in the variable TOURNEE_BOARD (`key=value …`)."""
    import os

    from tournee_fw.hal.wired import open_link

    args = arguments((os.getenv("TOURNEE_BOARD") or "").split())
    if "usb" in args:
        import machine

        machine.attach(args["usb"])  # type: ignore[attr-defined] (the simulator's)
    code = _terminal(args, [open_link()], name or args["name"], manifest, healthy)
    if code:
        raise RuntimeError("no terminal: code %d" % code)


def board(name, transports=None):
    """The board alone, for the conformance suite; what hangs on it stands in TOURNEE_BOARD."""
    import os

    from tournee_fw.hal.unix import UnixBoard

    args = arguments((os.getenv("TOURNEE_BOARD") or "").split())
    return UnixBoard(args["iobus"], [args[k] for k in ("slot0", "slot1") if k in args], transports or [])


def _terminal(args, transports, name, manifest, healthy=None):
    from tournee_fw.hal.unix import BoardGone, UnixBoard, UnixLink

    if "link" in args:
        transports.append(UnixLink(args["link"]))
    if "ble" in args:
        import bluetooth

        from tournee_fw.link_ble import BleTransport

        bluetooth.attach(args["ble"])
        transports.append(BleTransport(bluetooth.BLE(), name))
    if "ccid" in args:
        reader = UnixLink(args["ccid"])
        reader.ccid = args["reader"]
        transports.append(reader)
    from tournee_fw.app import Terminal

    try:
        try:
            board = UnixBoard(args["iobus"], [args[k] for k in ("slot0", "slot1") if k in args], transports)
        except OSError as error:
            print("no board: nobody listens at %s (errno %d)" % (error.args[1], error.args[0]), file=sys.stderr)
            return 4
        terminal = Terminal(board, name, manifest)
        gc.collect()
        gc.threshold(-1)
        terminal.run(healthy)
    except BoardGone as gone:
        print("board gone: %s" % gone.args[0], file=sys.stderr)
        return 0
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

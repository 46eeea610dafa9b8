"""Runs inside MicroPython: `harness.py ROOT MODULE CASE…`; prints `CASE name "traceback or empty"` for each."""

import gc
import io
import json
import sys

ROOT = sys.argv[1]
sys.path.insert(0, ROOT + "/firmware")
sys.path.insert(0, ROOT + "/tests/firmware")


def vectors():
    """protocol/…/vectors.json."""
    with open(ROOT + "/protocol/tournee_protocol/vectors.json") as file:
        return json.load(file)


def main():
    gc.threshold(8192)  # while modules are compiled: what stays is packed, as on the board
    module = __import__(sys.argv[2])
    gc.threshold(32768)
    bad = 0
    for name in sys.argv[3:]:
        gc.collect()
        text = ""
        try:
            getattr(module, name)()
        except Exception as error:
            out = io.StringIO()
            sys.print_exception(error, out)
            text = out.getvalue()
            bad = 1
        print("CASE %s %s" % (name, json.dumps(text)))
    return bad


if __name__ == "__main__":
    sys.exit(main())

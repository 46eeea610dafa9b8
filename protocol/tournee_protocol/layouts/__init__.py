"""Record layouts as data: one TOML table per profile, read by every encoder, decoder, generator and document.

`load("sv-sim-1")`, `load("b2-cp")`, `load("noemie")`; `python -m tournee_protocol.layouts.generate [--check]`.
"""

from tournee_protocol.layouts.loader import load, profile_names
from tournee_protocol.layouts.model import Check, Field, Framing, Kind, LayoutError, Profile, Record, Term

__all__ = ["Check", "Field", "Framing", "Kind", "LayoutError", "Profile", "Record", "Term", "load", "profile_names"]

"""APDU layer, CPS and Vitale: sans-IO programs, a driver that runs them on a reader, and the desk with its two cards."""

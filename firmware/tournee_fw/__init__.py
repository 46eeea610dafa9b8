"""Tournée terminal firmware (MicroPython). See firmware/README.md for what runs where."""

VERSION = "0.1.0"

"""Printable documents (PDF by fpdf2)."""

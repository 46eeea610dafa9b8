"""The typed client of the terminal."""

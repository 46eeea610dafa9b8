"""Putting the firmware on a board: the set of files, and how they get there. Nothing here is imported at start of the command line."""

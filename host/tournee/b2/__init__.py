"""B2 records, lots, files and NOEMIE returns, driven by the tables of `tournee_protocol.layouts`."""

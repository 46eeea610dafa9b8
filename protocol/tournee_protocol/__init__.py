"""Everything two sides must agree on: the link, the simulated board's I/O bus, zones, record layouts, scripts.

Knows nobody: neither the host, nor the firmware, nor the simulator.
"""

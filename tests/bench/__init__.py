"""Benchmarks: `make bench [AREA=…]`. An area is a module here; see tests/bench/registry.py."""

from tests.bench.registry import Row, areas, bench, names

__all__ = ["Row", "areas", "bench", "names"]

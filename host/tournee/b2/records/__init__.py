"""Record NamedTuples, generated from the layout tables."""

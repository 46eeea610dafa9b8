"""The reference design as text: `library.toml` (parts), `sheets.toml` (who meets whom), the pin maps (the board's pads).

`python -m hardware.schematic --write | --check`, from the top of the tree.
"""

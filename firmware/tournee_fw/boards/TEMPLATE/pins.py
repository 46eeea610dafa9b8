"""Pins of YOUR BOARD, numbers or names as `machine.Pin` takes them."""

SLOTS = (
    {"io": 2, "clk": 3, "rst": 4, "cmdvcc": 5, "off": 6, "en_5v": 7, "en_1v8": 8},
    {"io": 9, "clk": 10, "rst": 11, "cmdvcc": 12, "off": 13, "en_5v": 14, "en_1v8": 15},
)

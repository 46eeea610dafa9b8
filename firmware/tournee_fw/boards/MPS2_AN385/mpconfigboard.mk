# MicroPython's own board of this name, with the heap of a small terminal.
include boards/MPS2_AN385/mpconfigboard.mk

MICROPY_HEAP_SIZE = 131072

"""The firmware's RP2040 code on a computer: MicroPython's own PIO assembler, and PIO, DMA and FIFOs of `rp2040py`, without its CPU."""

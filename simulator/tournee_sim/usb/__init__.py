"""The USB of a simulated board: what TinyUSB and MicroPython's C half of `machine.USBDevice` do, and a line to a real USB host.

`device` is the device, `repl` its built-in port, `runtime` the firmware's part (over a socket to `mpy/machine.py`), `redir` the cable:
QEMU's `usb-redir` plugs it into a virtual machine, whose kernel then is the host. SIMULATION of the device's side only.
"""

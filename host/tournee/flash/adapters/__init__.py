"""What needs the machine: mpy-cross, mpremote, ports, drives."""

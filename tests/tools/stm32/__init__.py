"""Registers of an STM32WB as the firmware's HAL sees them, judged by what the reference manual allows."""

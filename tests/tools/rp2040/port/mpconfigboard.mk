# MicroPython's port `qemu` on the RP2040 of rp2040py: Cortex-M0+, code in flash, its console where the port's MPS2 UART would be (console.py).
QEMU_ARCH = arm
QEMU_MACHINE = rp2040py

CFLAGS += -mthumb -mcpu=cortex-m0plus -mfloat-abi=soft
CFLAGS += -DQEMU_SOC_MPS2 -DMICROPY_EMIT_THUMB_ARMV7M=0
CFLAGS += -DMICROPY_HW_MCU_NAME='"RP2040"'

LDSCRIPT = $(BOARD_DIR)/rp2040.ld
SRC_BOARD_O = shared/runtime/gchelper_native.o shared/runtime/gchelper_thumb1.o
MPY_CROSS_FLAGS += -march=armv6m
MICROPY_HEAP_SIZE = 196608

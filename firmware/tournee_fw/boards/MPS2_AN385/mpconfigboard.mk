# MicroPython's own board of this name, with the heap of a small terminal, AES and LittleFS.
include boards/MPS2_AN385/mpconfigboard.mk

MICROPY_HEAP_SIZE = 131072

# LittleFS for the RAM disk (ramdisk.py). The board does not know the date: files have none.
MICROPY_VFS_LFS2 = 1
CFLAGS += '-Dmp_hal_time_ns()=0'
LDFLAGS += -T $(BOARD_DIR)/unwind.ld

# cryptolib and hashlib over mbedtls, as boards with TLS have them: ECB and CBC, no CTR. Nothing else of mbedtls is compiled.
CFLAGS += -DMICROPY_PY_CRYPTOLIB=1 -DMICROPY_SSL_MBEDTLS=1
CFLAGS += -DMBEDTLS_CONFIG_FILE='"$(BOARD_DIR)/mbedtls_config.h"' -I$(TOP)/lib/mbedtls/include
SRC_THIRDPARTY_C += $(addprefix lib/mbedtls/library/, aes.c platform_util.c sha256.c)

# The interpreter's loop as the ports for real boards have it (ports/rp2, ports/stm32).
CFLAGS += -DMICROPY_OPT_COMPUTED_GOTO=1

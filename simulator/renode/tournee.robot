*** Comments ***
renode-test simulator/renode/tournee.robot --variable ELF:$PWD/.tools/firmware/MPS2_AN385/firmware.elf

*** Settings ***
Suite Setup       Setup
Suite Teardown    Teardown
Test Setup        Reset Emulation
Test Teardown     Test Teardown

*** Variables ***
${ELF}            ${CURDIR}/../../.tools/firmware/MPS2_AN385/firmware.elf
${RESC}           ${CURDIR}/tournee.resc

*** Keywords ***
Power On
    Execute Command    $elf=@${ELF}
    Execute Command    include @${RESC}
    Create Terminal Tester    sysbus.uart0    timeout=20
    Start Emulation

*** Test Cases ***
The Prompt Comes Up
    Power On
    Wait For Prompt On Uart    >>>

The Heap Is The Board's Own
    Power On
    Wait For Prompt On Uart    >>>
    Write Line To Uart    import gc; print("free", gc.mem_free() > 16384)
    Wait For Line On Uart    free True

A Sleep Ends By Timer 0
    Power On
    Wait For Prompt On Uart    >>>
    Write Line To Uart    from tournee_fw.hal import mps2
    Wait For Prompt On Uart    >>>
    Write Line To Uart    mps2._mask(); mps2.mem32[0xE000E100] = 0x100; mps2._arm(25000); mps2._halt(); print("awake", 1)
    Wait For Line On Uart    awake 1

The Clock Counts Milliseconds
    Power On
    Wait For Prompt On Uart    >>>
    Write Line To Uart    from machine import mem32; mem32[0x4002801C] = 24999; mem32[0x40028018] = 0
    Wait For Prompt On Uart    >>>
    Execute Command    emulation RunFor "0.2"
    Write Line To Uart    print("ms", 190 < mem32[0x40028018] < 2000)
    Wait For Line On Uart    ms True

The Firmware Starts
    Power On
    Wait For Prompt On Uart    >>>
    Write Line To Uart    import terminal; print("start", callable(terminal.start))
    Wait For Line On Uart    start True

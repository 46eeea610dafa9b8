// What the firmware uses of two peripherals that Renode has no model of. Compiled by Renode when tournee.resc includes it.
using Antmicro.Renode.Core;
using Antmicro.Renode.Core.Structure.Registers;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.Timers
{
    // CMSDK APB timer [ARM DDI0479 4.3]: counts down from VALUE, interrupts at zero, goes on from RELOAD.
    public class CMSDK_APB_Timer : BasicDoubleWordPeripheral, IKnownSize
    {
        public CMSDK_APB_Timer(IMachine machine, ulong frequency) : base(machine)
        {
            IRQ = new GPIO();
            timer = new LimitTimer(machine.ClockSource, frequency, this, "counter", limit: uint.MaxValue,
                direction: Direction.Descending, enabled: false, workMode: WorkMode.Periodic, eventEnabled: true, autoUpdate: true);
            timer.LimitReached += delegate
            {
                timer.Limit = reload;
                pending.Value = interrupts.Value;
                IRQ.Set(pending.Value);
            };

            Registers.Control.Define(this)
                .WithFlag(0, valueProviderCallback: _ => timer.Enabled, writeCallback: (_, value) => timer.Enabled = value)
                .WithReservedBits(1, 2)
                .WithFlag(3, out interrupts)
                .WithReservedBits(4, 28);
            Registers.Value.Define(this)
                .WithValueField(0, 32, valueProviderCallback: _ => (uint)timer.Value, writeCallback: (_, value) =>
                {
                    timer.Limit = value;
                    timer.Value = value;
                });
            Registers.Reload.Define(this)
                .WithValueField(0, 32, valueProviderCallback: _ => reload, writeCallback: (_, value) => reload = (uint)value);
            Registers.Interrupt.Define(this)
                .WithFlag(0, out pending, FieldMode.Read | FieldMode.WriteOneToClear, writeCallback: (_, __) => IRQ.Set(pending.Value))
                .WithReservedBits(1, 31);
        }

        public override void Reset()
        {
            base.Reset();
            timer.Reset();
            reload = 0;
            IRQ.Unset();
        }

        public long Size => 0x1000;
        public GPIO IRQ { get; }

        private uint reload;
        private readonly IFlagRegisterField interrupts;
        private readonly IFlagRegisterField pending;
        private readonly LimitTimer timer;

        private enum Registers
        {
            Control = 0x00,
            Value = 0x04,
            Reload = 0x08,
            Interrupt = 0x0C,
        }
    }

    // FPGAIO of the MPS2 [ARM DAI0385D 4.5]: COUNTER goes up by one each PRESCALE + 1 cycles.
    public class MPS2_FPGAIO : BasicDoubleWordPeripheral, IKnownSize
    {
        public MPS2_FPGAIO(IMachine machine, ulong frequency) : base(machine)
        {
            counter = new LimitTimer(machine.ClockSource, frequency, this, "counter", limit: uint.MaxValue,
                direction: Direction.Ascending, enabled: true, workMode: WorkMode.Periodic);

            Registers.Counter.Define(this)
                .WithValueField(0, 32, valueProviderCallback: _ => (uint)counter.Value, writeCallback: (_, value) => counter.Value = value);
            Registers.Prescale.Define(this)
                .WithValueField(0, 32, valueProviderCallback: _ => prescale, writeCallback: (_, value) =>
                {
                    prescale = (uint)value;
                    counter.Divider = (int)prescale + 1;
                });
        }

        public override void Reset()
        {
            base.Reset();
            prescale = 0;
            counter.Reset();
            counter.Divider = 1;
        }

        public long Size => 0x1000;

        private uint prescale;
        private readonly LimitTimer counter;

        private enum Registers
        {
            Counter = 0x18,
            Prescale = 0x1C,
        }
    }
}

namespace VirtuaLinux.Lab.Tests;

public sealed class MachineEventsTests
{
    private const string Greeting = """{"QMP": {"version": {}, "capabilities": ["oob"]}}""" + "\n" + """{"return": {}}""" + "\n";
    private const string Ejected = """{"timestamp": {}, "event": "DEVICE_TRAY_MOVED", "data": {"device": "drive0", "tray-open": true, "id": "medium0"}}""" + "\n";
    private const string StickEjected = """{"timestamp": {}, "event": "DEVICE_TRAY_MOVED", "data": {"device": "drive1", "tray-open": true, "id": "/machine/peripheral/medium1/medium1.0/legacy[0]"}}""" + "\n";
    private const string Closed = """{"timestamp": {}, "event": "DEVICE_TRAY_MOVED", "data": {"device": "drive0", "tray-open": false, "id": "medium0"}}""" + "\n";
    private const string Reset = """{"timestamp": {}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}""" + "\n";
    private const string PowerOff = """{"timestamp": {}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}""" + "\n";
    private const string Resume = """{"timestamp": {}, "event": "RESUME"}""" + "\n";

    [Fact]
    public void A_machine_that_ejected_its_disc_waits_at_its_reset()
    {
        var events = MachineEvents.Parse(Greeting + Ejected + Reset);
        Assert.True(events.Ejected("medium0"));
        Assert.False(events.Ejected("medium1"));
        Assert.Equal(MachineHalt.Reset, events.Halt);
    }

    [Fact]
    public void A_stick_is_known_by_the_device_above_its_drive() => Assert.True(MachineEvents.Parse(StickEjected).Ejected("medium1"));

    [Fact]
    public void A_tray_that_closed_again_keeps_its_disc() => Assert.False(MachineEvents.Parse(Ejected + Closed + Reset).Ejected("medium0"));

    [Fact]
    public void A_machine_that_was_let_go_on_does_not_wait() => Assert.Null(MachineEvents.Parse(Reset + Resume).Halt);

    [Fact]
    public void A_machine_that_switched_itself_off_is_told_from_one_that_resets() => Assert.Equal(MachineHalt.PowerOff, MachineEvents.Parse(PowerOff).Halt);

    [Fact]
    public void A_line_that_is_still_being_written_is_left_for_later() => Assert.Null(MachineEvents.Parse(Greeting + Reset[..^20]).Halt);
}

using System.Text.Json.Nodes;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>What a technician who stands by does unasked.</summary>
public sealed partial class Blade
{
    private static readonly string[] s_deadEnds = ["Shell>", "Press any key to enter the Boot Manager Menu.", ">>Start HTTP Boot over IPv6."];
    private long _tendedConsole = -1;
    private long _tendedEvents = -1;

    /// <summary>Takes out media that the machine ejected when it starts again, and presses reset where UEFI firmware found nothing to boot and stopped at its shell, as OVMF does.</summary>
    /// <remarks>Servers' firmware has a setting to try for ever; OVMF has none. Waits of the lab call this, and so does <see cref="LabInstance.WatchAsync"/>.</remarks>
    public async Task TendAsync(CancellationToken cancellationToken = default)
    {
        if (!IsOn || TryTakeTurn() is not { } turn) return;
        using (turn)
        {
            try
            {
                await TendHaltAsync(cancellationToken).ConfigureAwait(false);
                await TendPromptAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (FailureException) when (!IsOn)
            {
                // Went off meanwhile: nothing to tend.
            }
        }
    }

    /// <summary>Whether the console ends at the prompt of the UEFI shell, of the boot manager that stands in for it, or where the firmware turns to IPv6, which the boot network does not have: that alone takes it another minute.</summary>
    internal static bool StandsAtPrompt(string console)
    {
        var end = console.TrimEnd();
        return s_deadEnds.Any(prompt => end.EndsWith(prompt, StringComparison.Ordinal));
    }

    private async Task TendHaltAsync(CancellationToken cancellationToken)
    {
        var log = new FileInfo(BladeMachine.EventsPath(Lab, Options) + ".out");
        if (!log.Exists || log.Length == _tendedEvents) return;
        var length = log.Length;
        var events = MachineEvents.Parse(await File.ReadAllTextAsync(log.FullName, cancellationToken).ConfigureAwait(false));
        var media = State.Media;
        switch (events.Halt)
        {
            case MachineHalt.PowerOff:
                await PowerCutAsync(cancellationToken).ConfigureAwait(false);
                break;
            case MachineHalt.Reset:
                // The stick with the site goes with the installer's medium: who ejects that is done with both.
                var ejected = Enumerable.Range(0, media.Count).Any(i => media[i].Kind != MediumKind.SiteVolume && events.Ejected(BladeMachine.DeviceOf(i)));
                if (ejected) await RemoveMediaAsync(cancellationToken).ConfigureAwait(false);
                // While resets stop the machine, the technician's own would only stop it again.
                await SetActionsAsync("reset", "poweroff", cancellationToken).ConfigureAwait(false);
                await QmpAsync("system_reset", null, cancellationToken).ConfigureAwait(false);
                await GoOnAsync(cancellationToken).ConfigureAwait(false);
                if (!ejected) await SetActionsAsync("shutdown", "pause", cancellationToken).ConfigureAwait(false);
                break;
        }
        _tendedEvents = length;
    }

    /// <summary>What the emulator does when the machine starts again and when it switches itself off.</summary>
    private Task<System.Text.Json.JsonElement> SetActionsAsync(string reboot, string shutdown, CancellationToken cancellationToken) =>
        QmpAsync("set-action", new JsonObject { ["reboot"] = reboot, ["shutdown"] = shutdown }, cancellationToken);

    /// <summary>The emulator resets in its own time, and refuses to go on before.</summary>
    private async Task GoOnAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await QmpAsync("cont", null, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (FailureException e) when (attempt < 100 && e.Message.Contains("Resetting the Virtual Machine is required", StringComparison.Ordinal))
            {
                await Task.Delay(100, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task TendPromptAsync(CancellationToken cancellationToken)
    {
        if (Options.Firmware != Firmware.Uefi || !IsOn) return;
        var length = ConsoleLength;
        if (length == _tendedConsole) return;
        if (StandsAtPrompt(ReadConsole(Math.Max(State.ConsoleStart, length - 600)))) await ResetAsync(cancellationToken).ConfigureAwait(false);
        _tendedConsole = length;
    }

    /// <summary>One technician at a time: a command that waits and the watcher may both stand by.</summary>
    private FileStream? TryTakeTurn()
    {
        try
        {
            return new FileStream(Path.Combine(Directory, "tend.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }
}

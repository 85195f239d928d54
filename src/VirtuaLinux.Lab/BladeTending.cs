using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>What a technician who walks by does unasked.</summary>
public sealed partial class Blade
{
    private long _tended = -1;

    /// <summary>Takes ejected media out, and presses reset where UEFI firmware found nothing to boot and stopped at its shell, as OVMF does.</summary>
    /// <remarks>Servers' firmware has a setting to try for ever; OVMF has none.</remarks>
    public async Task TendAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await TakeOutEjectedAsync(cancellationToken).ConfigureAwait(false);
            if (Options.Firmware != Firmware.Uefi || !IsOn) return;
            var length = ConsoleLength;
            if (length == _tended || !StandsAtPrompt(ReadConsole(Math.Max(State.ConsoleStart, length - 600)))) return;
            await ResetAsync(cancellationToken).ConfigureAwait(false);
            _tended = length;
        }
        catch (FailureException) when (!IsOn)
        {
            // Went off meanwhile: nothing to tend.
        }
    }

    /// <summary>Whether the console ends at the prompt of the UEFI shell, or of the boot manager that stands in for it.</summary>
    internal static bool StandsAtPrompt(string console)
    {
        var end = console.TrimEnd();
        return end.EndsWith("Shell>", StringComparison.Ordinal) || end.EndsWith("Press any key to enter the Boot Manager Menu.", StringComparison.Ordinal);
    }
}

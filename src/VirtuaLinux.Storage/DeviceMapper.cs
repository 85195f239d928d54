using VirtuaLinux.Host;

namespace VirtuaLinux.Storage;

/// <summary>Maps devices with dmsetup(8), without udev: the initrd has none.</summary>
public sealed class DeviceMapper(ICommandRunner runner)
{
    /// <summary>Path of a mapped device.</summary>
    public static string PathOf(string name) => $"/dev/mapper/{name}";

    /// <summary>Maps <paramref name="name"/>, in place of an older device of that name.</summary>
    /// <param name="name">Name of the device.</param>
    /// <param name="table">One target a line, in sectors of 512 bytes.</param>
    /// <param name="readOnly">Whether the kernel shall refuse writes.</param>
    /// <param name="uuid">By which other programs know what kind of device it is; none unless given.</param>
    /// <param name="cancellationToken">Ends the program.</param>
    /// <returns>Path of the device.</returns>
    /// <exception cref="ExternalCommandException">The kernel refused the table, or the older device is in use.</exception>
    public async Task<string> CreateAsync(string name, string table, bool readOnly = false, string? uuid = null, CancellationToken cancellationToken = default)
    {
        await RemoveAsync(name, cancellationToken).ConfigureAwait(false);
        var create = Command("create", name);
        if (readOnly) create = create.With("--readonly");
        if (uuid is not null) create = create.With("--uuid", uuid);
        await runner.RunAsync(create.WithInput(table), cancellationToken).ConfigureAwait(false);
        return PathOf(name);
    }

    /// <summary>Removes a device if it is there.</summary>
    /// <exception cref="ExternalCommandException">It is in use.</exception>
    public async Task RemoveAsync(string name, CancellationToken cancellationToken = default)
    {
        if (Path.Exists(PathOf(name))) await runner.RunAsync(Command("remove", "--retry", name), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives a device another table while it is in use: what is under way ends first, what comes waits (dmsetup(8), reload and resume).</summary>
    /// <exception cref="ExternalCommandException">The kernel refused the table; the older one stays.</exception>
    public async Task ReplaceAsync(string name, string table, CancellationToken cancellationToken = default)
    {
        await runner.RunAsync(Command("reload", name).WithInput(table), cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(Command("resume", name), CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>The table of a device.</summary>
    /// <exception cref="ExternalCommandException">There is no such device.</exception>
    public async Task<string> TableAsync(string name, CancellationToken cancellationToken = default) => (await runner.RunAsync(Command("table", name), cancellationToken).ConfigureAwait(false)).Output.Trim();

    /// <summary>The status of a device, without a commit before it.</summary>
    /// <exception cref="ExternalCommandException">There is no such device.</exception>
    public async Task<string> StatusAsync(string name, CancellationToken cancellationToken = default) => (await runner.RunAsync(Command("status", "--noflush", name), cancellationToken).ConfigureAwait(false)).Output.Trim();

    /// <summary>Waits until the device has something to tell, or for <paramref name="patience"/>.</summary>
    public async Task WaitAsync(string name, TimeSpan patience, CancellationToken cancellationToken = default)
    {
        var events = (await runner.RunAsync(Command("info", "--columns", "--noheadings", "-o", "events", name), cancellationToken).ConfigureAwait(false)).Output.Trim();
        // timeout(1) rather than ours: that nothing happens is no failure.
        await runner.RunAsync(ExternalCommand.Of("timeout", patience.TotalSeconds.ToString("0", System.Globalization.CultureInfo.InvariantCulture), "dmsetup", "wait", "--noflush", name, events).WithEnvironment("DM_DISABLE_UDEV", "1").Accepting(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends a message to the first target of a device.</summary>
    /// <exception cref="ExternalCommandException">The target refused it, and it may not fail.</exception>
    public Task MessageAsync(string name, string message, bool mayFail = false, CancellationToken cancellationToken = default)
    {
        var command = Command("message", name, "0", message);
        return runner.RunAsync(mayFail ? command.Accepting() : command, cancellationToken);
    }

    private static ExternalCommand Command(params IReadOnlyList<string> arguments) =>
        ExternalCommand.Of("dmsetup", arguments).WithEnvironment("DM_DISABLE_UDEV", "1").WithTimeout(TimeSpan.FromMinutes(2));
}

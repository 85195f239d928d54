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
    /// <param name="cancellationToken">Ends the program.</param>
    /// <returns>Path of the device.</returns>
    /// <exception cref="ExternalCommandException">The kernel refused the table, or the older device is in use.</exception>
    public async Task<string> CreateAsync(string name, string table, bool readOnly = false, CancellationToken cancellationToken = default)
    {
        await RemoveAsync(name, cancellationToken).ConfigureAwait(false);
        var create = Command("create", name);
        await runner.RunAsync((readOnly ? create.With("--readonly") : create).WithInput(table), cancellationToken).ConfigureAwait(false);
        return PathOf(name);
    }

    /// <summary>Removes a device if it is there.</summary>
    /// <exception cref="ExternalCommandException">It is in use.</exception>
    public async Task RemoveAsync(string name, CancellationToken cancellationToken = default)
    {
        if (Path.Exists(PathOf(name))) await runner.RunAsync(Command("remove", "--retry", name), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends a message to the first target of a device.</summary>
    /// <exception cref="ExternalCommandException">The target refused it, and it may not fail.</exception>
    public Task MessageAsync(string name, string message, bool mayFail = false, CancellationToken cancellationToken = default)
    {
        var command = Command("message", name, "0", message);
        return runner.RunAsync(mayFail ? command.Accepting() : command, cancellationToken);
    }

    /// <summary>What the kernel tells of a device, one target a line (dmsetup(8), status).</summary>
    /// <exception cref="ExternalCommandException">There is none of that name.</exception>
    public async Task<string> StatusAsync(string name, CancellationToken cancellationToken = default) =>
        (await runner.RunAsync(Command("status", name), cancellationToken).ConfigureAwait(false)).Output;

    private static ExternalCommand Command(params IReadOnlyList<string> arguments) =>
        ExternalCommand.Of("dmsetup", arguments).WithEnvironment("DM_DISABLE_UDEV", "1").WithTimeout(TimeSpan.FromMinutes(2));
}

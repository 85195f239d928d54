using VirtuaLinux.Host;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>The journal's partition, opened when it is first needed: before the first step it does not exist.</summary>
public sealed class JournalPartition(string disk, InstallConsole console) : IDisposable
{
    private BlockDevice? _device;

    /// <summary>Opens the partition, once, and lets the log go there too.</summary>
    /// <exception cref="FailureException">It cannot be opened.</exception>
    public BlockDevice Open()
    {
        if (_device is not null) return _device;
        _device = BlockDevice.Open(SanLayout.Partition(disk, 2), writable: true);
        console.AttachLog(_device);
        return _device;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        console.DetachLog();
        _device?.Dispose();
    }
}

using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>The shared blocks of the site's LUN through nothing but reads and writes.</summary>
internal sealed class PlainBlocks(ICommandRunner runner, string disk)
{
    // Longer than a write takes that an array has accepted from another machine.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    /// <inheritdoc cref="ISharedDisk.ReadBlockAsync"/>
    public async Task<byte[]> ReadAsync(SharedBlock block, CancellationToken cancellationToken)
    {
        var partition = SanLayout.Partition(disk, 2);
        await runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", partition), cancellationToken).ConfigureAwait(false);
        using var device = BlockDevice.Open(partition, writable: false);
        var bytes = new byte[SiteLun.BlockSizeOf(disk)];
        device.Read(SanLayout.OffsetOf(block), bytes);
        return bytes;
    }

    /// <summary>For an array without a command for it: of those who find the block as it was and write it, the last one has it, and all see that after a while.</summary>
    public async Task<bool> ReplaceAsync(SharedBlock block, byte[] old, byte[] next, CancellationToken cancellationToken)
    {
        if (!(await ReadAsync(block, cancellationToken).ConfigureAwait(false)).AsSpan().SequenceEqual(old)) return false;
        using (var device = BlockDevice.Open(SanLayout.Partition(disk, 2), writable: true))
        {
            device.Write(SanLayout.OffsetOf(block), next);
            device.Flush();
        }
        await Task.Delay(Settling, cancellationToken).ConfigureAwait(false);
        return (await ReadAsync(block, cancellationToken).ConfigureAwait(false)).AsSpan().SequenceEqual(next);
    }
}

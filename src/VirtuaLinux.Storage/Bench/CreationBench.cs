using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Bench;

/// <summary>What it costs to make the volumes of many nodes.</summary>
public static class CreationBench
{
    private static readonly SiteVolumes s_volumes = new() { Root = ByteSize.FromMiB(512), Local = ByteSize.FromMiB(32) };

    /// <summary>Name of one of the nodes, counted from 1.</summary>
    public static string NameOf(int node) => string.Create(CultureInfo.InvariantCulture, $"many{node:0000}");

    /// <summary>Adds the volumes of nodes to a group in one commit, as an installation and <c>site apply</c> do.</summary>
    /// <param name="lvm">The group.</param>
    /// <param name="disk">The disk that it lies on.</param>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="volumes">How large their volumes are.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>How long it took, and how many bytes were written.</returns>
    /// <exception cref="FailureException">There is no group, the extents do not suffice, or LVM failed.</exception>
    public static async Task<(TimeSpan Time, long Written)> AddAsync(LvmTools lvm, string disk, int nodes, SiteVolumes volumes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(lvm);
        var (start, before) = (TimeProvider.System.GetTimestamp(), Written(disk));
        var group = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{disk} has no volume group {LvmTools.GroupName}");
        await lvm.CommitAsync(NodeVolumes.AddNodes(group, [.. Enumerable.Range(1, nodes).Select(NameOf)], volumes, lvm.DevicesOf(group)), cancellationToken).ConfigureAwait(false);
        return (TimeProvider.System.GetElapsedTime(start), Written(disk) - before);
    }

    /// <summary>The same with LVM's own metadata on a file that is a LUN large enough, and is gone afterwards.</summary>
    /// <param name="runner">Runs LVM's programs and losetup(8).</param>
    /// <param name="folder">Folder for the file; a few hundred KiB are written for each node.</param>
    /// <param name="nodes">How many nodes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">A program failed, or the caller is not root.</exception>
    public static async Task<(TimeSpan Time, long Written)> SimulateAsync(ICommandRunner runner, string folder, int nodes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        var path = Path.Combine(folder, $"virtualinux-lvm-{Guid.NewGuid():N}.img");
        string? device = null;
        try
        {
            using (var file = File.Create(path)) file.SetLength(SanLayout.Overhead.Bytes + nodes * VolumeSizes.PerNode(s_volumes));
            device = (await runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", path), cancellationToken).ConfigureAwait(false)).Output.Trim();
            var lvm = new LvmTools(runner, device);
            await lvm.CreateAsync(cancellationToken).ConfigureAwait(false);
            return await AddAsync(lvm, device, nodes, s_volumes, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (device is not null) await runner.RunAsync(ExternalCommand.Of("losetup", "--detach", device), CancellationToken.None).ConfigureAwait(false);
            File.Delete(path);
        }
    }

    /// <summary>Bytes that were written to a disk since it is there (Linux, Documentation/block/stat.rst: sectors of 512 bytes).</summary>
    public static long Written(string disk)
    {
        var path = File.ResolveLinkTarget(disk, returnFinalTarget: true)?.FullName ?? disk;
        return 512 * long.Parse(File.ReadAllText($"/sys/class/block/{Path.GetFileName(path)}/stat").Split(' ', StringSplitOptions.RemoveEmptyEntries)[6], CultureInfo.InvariantCulture);
    }
}

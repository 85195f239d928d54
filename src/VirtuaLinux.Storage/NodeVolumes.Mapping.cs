using System.Buffers.Binary;
using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

public sealed partial class NodeVolumes
{
    /// <summary>Maps a volume of the group.</summary>
    /// <param name="volume">Its name in the group.</param>
    /// <param name="name">Name of the device.</param>
    /// <param name="readOnly">Whether the kernel shall refuse writes.</param>
    /// <param name="cancellationToken">Ends the program.</param>
    /// <returns>Path of the device.</returns>
    /// <exception cref="FailureException">There is no such volume, or the kernel refused.</exception>
    public Task<string> MapAsync(string volume, string name, bool readOnly, CancellationToken cancellationToken = default) => MapAsync(volume, name, readOnly, uuid: null, cancellationToken);

    private Task<string> MapAsync(string volume, string name, bool readOnly, string? uuid, CancellationToken cancellationToken)
    {
        var found = group.Find(volume) ?? throw new FailureException($"the volume group has no volume '{volume}'; the site on the SAN and the manifest do not fit together");
        return _mapper.CreateAsync(name, group.Table(found, devices), readOnly, uuid, cancellationToken);
    }

    /// <summary>Maps the origin below another node's root, as <see cref="MapOriginAsync(ImageInfo, CancellationToken)"/> maps the own one: <see cref="MappedImages"/> names its image too.</summary>
    /// <param name="image">The image, as signed.</param>
    /// <param name="name">Name of the device, of which there may be several over one origin; with a hash tree there is another one below it (<see cref="DataOf"/>).</param>
    /// <param name="cancellationToken">Ends the programs.</param>
    /// <returns>Path of the device.</returns>
    /// <exception cref="FailureException">There is no such origin, it is half-written or another image's, or the kernel refused.</exception>
    public async Task<string> MapOriginAsync(ImageInfo image, string name, CancellationToken cancellationToken = default) => (await MapOriginAsync(image, name, device => OriginUuid(image.Image, device), cancellationToken).ConfigureAwait(false)).Path;

    /// <summary>The device below an origin that is mapped with its hash tree.</summary>
    public static string DataOf(string origin) => $"{origin}-data";

    /// <summary>Maps the origin of an image read-only. With a hash tree, what the node reads is held against it: a block that is not as it was built is an I/O error of that block alone, in every root over it.</summary>
    /// <param name="image">The image, as signed: its hash tree is trusted.</param>
    /// <param name="cancellationToken">Ends the programs.</param>
    /// <returns>Path and size of the origin's file system.</returns>
    /// <exception cref="FailureException">There is no such origin, it is half-written or another image's, or the kernel refused.</exception>
    public Task<(string Path, ByteSize Size)> MapOriginAsync(ImageInfo image, CancellationToken cancellationToken = default) => MapOriginAsync(image, OriginDevice, _ => null, cancellationToken);

    private async Task<(string Path, ByteSize Size)> MapOriginAsync(ImageInfo image, string device, Func<string, string?> uuidOf, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(image);
        var name = OriginName(image.Image);
        if (group.Find(name) is { } written && IsUnverified(written)) throw new FailureException($"the image {image.Image} was not written to its end on the SAN; add it again from its medium");
        if (image.Verity is not { } tree)
        {
            var plain = await MapAsync(name, device, readOnly: true, uuidOf(device), cancellationToken).ConfigureAwait(false);
            return (plain, new ByteSize(group.SizeOf(group.Find(name)!)));
        }
        var data = await MapAsync(name, DataOf(device), readOnly: true, uuidOf(DataOf(device)), cancellationToken).ConfigureAwait(false);
        var checkedOrigin = await _mapper.CreateAsync(device, VerityTable(tree, data), readOnly: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        // A damaged block is lived with, a wrong tree is not: with it, no block can be read.
        if (!((long[])[0, tree.DataBlocks / 2, tree.DataBlocks - 1]).Any(b => CanRead(checkedOrigin, b)))
            throw new FailureException($"the origin {name} on the SAN is not the image {image.Image} that the site's manifest was signed for: no block of it fits its root hash {tree.RootHash[..12]}; restore the SAN from its backup, or install the site again");
        return (checkedOrigin, new ByteSize(tree.DataSize));
    }

    /// <summary>The target that holds a volume's data against its hash tree (the kernel's admin-guide/device-mapper/verity). Every read is checked: blocks that were right once can still rot on a SAN, so no check_at_most_once.</summary>
    /// <param name="tree">The hash tree.</param>
    /// <param name="device">The volume that holds data and tree.</param>
    public static string VerityTable(VerityTree tree, string device)
    {
        ArgumentNullException.ThrowIfNull(tree);
        return string.Create(CultureInfo.InvariantCulture, $"0 {tree.DataSize / 512} verity 1 {device} {device} {VerityTree.BlockSize} {VerityTree.BlockSize} {tree.DataBlocks} {tree.HashStart} sha256 {tree.RootHash} {tree.Salt}\n");
    }

    /// <summary>Asks the kernel what it knows of the origin that is mapped here.</summary>
    /// <exception cref="ExternalCommandException">There is none, or the caller is not root.</exception>
    public static async Task<OriginState> ReadOriginStateAsync(ICommandRunner runner, CancellationToken cancellationToken = default) =>
        ParseOriginState(await new DeviceMapper(runner).StatusAsync(OriginDevice, cancellationToken).ConfigureAwait(false));

    /// <summary>Reads the line of dmsetup(8) status: <c>0 SECTORS verity V</c>, or C once a block did not fit.</summary>
    /// <exception cref="FailureException">It is no such line.</exception>
    public static OriginState ParseOriginState(string status) => status.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) switch
    {
        [_, _, "verity", "V", ..] => OriginState.Verified,
        [_, _, "verity", "C", ..] => OriginState.Corrupt,
        [_, _, "linear", ..] => OriginState.Unprotected,
        _ => throw new FailureException($"the kernel says of {OriginDevice} what is not understood: '{status.Trim()}'"),
    };

    private static bool CanRead(string device, long block)
    {
        try
        {
            using var opened = BlockDevice.Open(device, writable: false);
            opened.Read(block * VerityTree.BlockSize, new byte[VerityTree.BlockSize]);
            return true;
        }
        catch (FailureException)
        {
            return false; // the kernel's log says why
        }
    }

    /// <summary>Removes a mapped device.</summary>
    public Task UnmapAsync(string name, CancellationToken cancellationToken = default) => _mapper.RemoveAsync(name, cancellationToken);

    /// <summary>Maps the metadata of a node's pool.</summary>
    public Task<string> MapMetadataAsync(string node, CancellationToken cancellationToken = default) => MapAsync(MetadataName(node), MetadataDevice, readOnly: false, cancellationToken);

    /// <summary>Whether a node's pool was ever used.</summary>
    public async Task<bool> HasRootsAsync(string node, CancellationToken cancellationToken = default) => !IsBlank(await MapMetadataAsync(node, cancellationToken).ConfigureAwait(false));

    /// <summary>Maps a node's pool and, in it, the root over the image's origin.</summary>
    /// <param name="node">Name of the node.</param>
    /// <param name="origin">Path of the origin, mapped read-only.</param>
    /// <param name="size">Apparent size of the root.</param>
    /// <param name="root">The root within the pool. It and the pool are made where they were never used.</param>
    /// <param name="spare">A folder for the repair of damaged metadata (<see cref="PoolMetadata"/>).</param>
    /// <param name="log">Takes a line for people.</param>
    /// <param name="cancellationToken">Ends the programs.</param>
    /// <returns>Path of the root.</returns>
    /// <exception cref="FailureException">The pool's metadata is damaged, a root that was used is not there, or the kernel refused.</exception>
    public async Task<string> MapRootAsync(string node, string origin, ByteSize size, ThinRoot root, string spare, Action<string> log, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(root);
        var metadata = await MapMetadataAsync(node, cancellationToken).ConfigureAwait(false);
        var data = await MapAsync(StoreName(node), DataDevice, readOnly: false, cancellationToken).ConfigureAwait(false);
        var pool = await new PoolMetadata(runner, node, metadata, new ByteSize(group.SizeOf(group.Find(StoreName(node))!)), spare, log).PrepareAsync(root.IsPoolUsed, cancellationToken).ConfigureAwait(false);
        await _mapper.CreateAsync(PoolDevice, PoolTable(metadata, data, group.SizeOf(group.Find(StoreName(node))!)), cancellationToken: cancellationToken).ConfigureAwait(false);
        foreach (var (message, mayFail) in PoolMessages(root, pool)) await _mapper.MessageAsync(PoolDevice, message, mayFail, cancellationToken).ConfigureAwait(false);
        var path = await MapRootAsync(node, root, size, origin, cancellationToken).ConfigureAwait(false);
        OwnStart(path);
        if (pool is PoolState.Repaired) await CheckFileSystemAsync(runner, node, path, log, cancellationToken).ConfigureAwait(false);
        return path;
    }

    /// <summary>What a pool is told before a root in it is mapped, and whether it may refuse that.</summary>
    /// <param name="root">The root.</param>
    /// <param name="pool">What the pool was found to be.</param>
    public static IEnumerable<(string Message, bool MayFail)> PoolMessages(ThinRoot root, PoolState pool)
    {
        ArgumentNullException.ThrowIfNull(root);
        foreach (var old in root.Dropped) yield return (string.Create(CultureInfo.InvariantCulture, $"delete {old}"), true);
        // A power cut may have come between making the pool and making the root: ask again; if it is there, the kernel refuses and nothing changes.
        if (!root.IsUsed) yield return (string.Create(CultureInfo.InvariantCulture, $"create_thin {root.Id}"), pool is not PoolState.New);
    }

    private async Task<string> MapRootAsync(string node, ThinRoot root, ByteSize size, string origin, CancellationToken cancellationToken)
    {
        try
        {
            var path = await _mapper.CreateAsync(RootDevice, string.Create(CultureInfo.InvariantCulture, $"0 {size.Bytes / 512} thin {DeviceMapper.PathOf(PoolDevice)} {root.Id} {origin}\n"), cancellationToken: cancellationToken).ConfigureAwait(false);
            // Each block of the pool is an I/O of its own: the kernel's 128 KiB would be two of them under way at once (blockdev(8), in sectors).
            await runner.RunAsync(ExternalCommand.Of("blockdev", "--setra", string.Create(CultureInfo.InvariantCulture, $"{VolumeSizes.RootReadAhead.Bytes / 512}"), path), cancellationToken).ConfigureAwait(false);
            return path;
        }
        catch (ExternalCommandException e) when (root.IsUsed)
        {
            throw new FailureException($"the root of {node} is not in its pool, or cannot be mapped: {e.Message}; {HowToBeginAnew(node)}", e);
        }
    }

    /// <summary>Writes the start of a root as it is, so that the root has its own copy of it: the kernel looks for a superblock by 1 KiB when it mounts, and dm-verity below gives whole blocks only ("unaligned io"; thin does not tell of its origin's block size).</summary>
    private static void OwnStart(string root)
    {
        using var device = BlockDevice.Open(root, writable: true);
        var start = new byte[VolumeSizes.PoolBlock.Bytes];
        device.Read(0, start);
        device.Write(0, start);
        device.Flush();
    }

    /// <summary>Takes a volume's present size over into the running node's pool, which goes on working.</summary>
    /// <param name="node">Name of the node.</param>
    /// <param name="isMetadata">Whether the metadata has grown, and not the data.</param>
    /// <param name="cancellationToken">Ends it before the first change.</param>
    /// <exception cref="ExternalCommandException">The kernel refused; the pool is as it was.</exception>
    public async Task GrowPoolAsync(string node, bool isMetadata, CancellationToken cancellationToken = default)
    {
        var table = (await _mapper.TableAsync(PoolDevice, cancellationToken).ConfigureAwait(false)).Split(' ');
        await _mapper.ReplaceAsync(isMetadata ? MetadataDevice : DataDevice, group.Table(group.Find(isMetadata ? MetadataName(node) : StoreName(node))!, devices), cancellationToken).ConfigureAwait(false);
        // 0 SECTORS thin-pool METADATA DATA …: the devices stay the same, by their numbers.
        await _mapper.ReplaceAsync(PoolDevice, PoolTable(table[3], table[4], group.SizeOf(group.Find(StoreName(node))!)), CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Takes larger sizes over into what a running node has mapped and mounted (resize2fs(8), while it is in use).</summary>
    /// <param name="node">Name of the node.</param>
    /// <param name="root">Apparent size of its root.</param>
    /// <param name="cancellationToken">Ends it before the first change.</param>
    /// <exception cref="FailureException">The kernel refused; what has grown works all the same.</exception>
    public async Task GrowMountedAsync(string node, ByteSize root, CancellationToken cancellationToken = default)
    {
        await GrowMountedAsync(LocalName(node), LocalDevice, cancellationToken).ConfigureAwait(false);
        if (root.Bytes > await MappedSizeAsync(RootDevice, cancellationToken).ConfigureAwait(false))
        {
            // 0 SECTORS thin POOL ID ORIGIN
            var table = (await _mapper.TableAsync(RootDevice, cancellationToken).ConfigureAwait(false)).Split(' ');
            await _mapper.ReplaceAsync(RootDevice, string.Create(CultureInfo.InvariantCulture, $"0 {root.Bytes / 512} {string.Join(' ', table[2..])}\n"), cancellationToken).ConfigureAwait(false);
            await runner.RunAsync(ExternalCommand.Of("resize2fs", DeviceMapper.PathOf(RootDevice)), CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Takes a larger size over into the shared volume, on the node that serves it.</summary>
    /// <exception cref="FailureException">The kernel refused; what has grown works all the same.</exception>
    public Task GrowSharedAsync(CancellationToken cancellationToken = default) => GrowMountedAsync(SharedName, SharedDevice, cancellationToken);

    private async Task GrowMountedAsync(string name, string device, CancellationToken cancellationToken)
    {
        if (group.Find(name) is not { } volume || group.SizeOf(volume) <= await MappedSizeAsync(device, cancellationToken).ConfigureAwait(false)) return;
        await _mapper.ReplaceAsync(device, group.Table(volume, devices), cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("resize2fs", DeviceMapper.PathOf(device)), CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Bytes that a device's table covers: FIRST SECTORS … in each line.</summary>
    private async Task<long> MappedSizeAsync(string device, CancellationToken cancellationToken) =>
        (await _mapper.TableAsync(device, cancellationToken).ConfigureAwait(false)).Split('\n').Sum(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)) * 512;

    /// <summary>After a repair of what it lies on, a file system is mended without questions: nobody is there to answer (e2fsck(8): 1 and 2 are mended).</summary>
    /// <param name="runner">Runs programs.</param>
    /// <param name="node">Name of the node.</param>
    /// <param name="device">Its root.</param>
    /// <param name="log">Takes a line for people.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">It cannot be mended.</exception>
    public static async Task CheckFileSystemAsync(ICommandRunner runner, string node, string device, Action<string> log, CancellationToken cancellationToken)
    {
        try
        {
            var check = await runner.RunAsync(ExternalCommand.Of("e2fsck", "-f", "-y", device).Accepting(0, 1, 2).WithTimeout(TimeSpan.FromHours(1)), cancellationToken).ConfigureAwait(false);
            log(check.ExitCode == 0 ? "the root's file system is whole" : $"the root's file system was mended; look into lost+found:\n{check.Output}");
        }
        catch (ExternalCommandException e) when (e.ExitCode is not null)
        {
            throw new FailureException($"the file system of the root of {node} cannot be mended: {e.Message}; {HowToBeginAnew(node)}", e);
        }
    }

    /// <summary>What to do about a root that is lost.</summary>
    public static string HowToBeginAnew(string node) => $"on another node, {Reset(node, "")} let the root begin anew from the image, and local stays";

    /// <summary>What to do about a <c>local</c> volume that is damaged.</summary>
    public static string HowToMendLocal(string node) =>
        $"With virtualinux.shell on its kernel command line, 'e2fsck -fy {DeviceMapper.PathOf(LocalDevice)}' may bring its files back; without them, {Reset(node, " --with-local")}, on another node, let {node} begin anew";

    private static string Reset(string node, string option) => $"'virtualinux node fence {node}', 'virtualinux node reset {node}{option}' and 'virtualinux node unfence {node}'";

    /// <summary>A volume of the running node that the kernel has in another place or size than this group says; null if they are all where it says.</summary>
    /// <exception cref="ExternalCommandException">The node has not mapped its volumes.</exception>
    public async Task<string?> MappedOtherwiseAsync(string node, CancellationToken cancellationToken = default)
    {
        foreach (var (device, volume) in ((string, string)[])[(LocalDevice, LocalName(node)), (DataDevice, StoreName(node)), (MetadataDevice, MetadataName(node))])
            if (group.Find(volume) is not { } found || Places(await _mapper.TableAsync(device, cancellationToken).ConfigureAwait(false)) != Places(group.Table(found, devices))) return volume;
        return null;
    }

    /// <summary>A table without its devices, which the kernel shows as numbers: FIRST SECTORS linear DEVICE OFFSET in each line.</summary>
    internal static string Places(string table) => string.Join('\n', table.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Trim().Split(' ') is [var first, var sectors, var kind, _, var offset] ? $"{first} {sectors} {kind} {offset}" : l));

    /// <summary>An exception store that is smaller here than its pool has it: the store has grown since, and mapping it like that would lose what was written. Null for none.</summary>
    /// <remarks>The superblock of a pool's metadata (the kernel's dm-thin-metadata.c) has its magic at 32 and the number of data blocks at 64.</remarks>
    public string? SmallerThanItsPool()
    {
        var superblock = new byte[512];
        foreach (var metadata in group.Volumes.Where(v => KindOf(v) is VolumeKind.StoreMetadata))
        {
            var name = StoreName(metadata.Name[..^MetadataName("").Length]);
            using (var device = BlockDevice.Open(devices[metadata.Segments[0].PhysicalVolume], writable: false)) device.Read(group.OffsetOf(metadata), superblock);
            if (BinaryPrimitives.ReadUInt64LittleEndian(superblock.AsSpan(32)) != PoolMagic) continue; // never used, or somebody else's extents by now
            if (group.Find(name) is not { } store || BinaryPrimitives.ReadInt64LittleEndian(superblock.AsSpan(64)) * VolumeSizes.PoolBlock.Bytes > group.SizeOf(store)) return name;
        }
        return null;
    }

    /// <summary>The table of a pool (the kernel's admin-guide/device-mapper/thin-provisioning): whoever writes into a full one waits.</summary>
    /// <param name="metadata">Its metadata.</param>
    /// <param name="data">Its data.</param>
    /// <param name="size">Bytes of data.</param>
    public static string PoolTable(string metadata, string data, long size)
    {
        var (sectors, block) = (size / 512, VolumeSizes.PoolBlock.Bytes / 512);
        return string.Create(CultureInfo.InvariantCulture, $"0 {sectors} thin-pool {metadata} {data} {block} {sectors / block * StoreGuard.LowWaterPercent / 100} 0\n");
    }
}

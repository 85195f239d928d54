using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>The steps that write to the SAN. Each can be repeated from its start and ends in the same state.</summary>
public sealed class StorageSteps(InstallContext context)
{
    private const int CopyBlock = 4 << 20;

    private readonly string _partition = SanLayout.Partition(context.Disk, 3);
    private IReadOnlyList<string> _partitions = [SanLayout.Partition(context.Disk, 3)];
    private readonly DeviceMapper _mapper = new(context.Runner);

    /// <summary>Writes the partition table and clears the journal's place.</summary>
    public async Task PartitionAsync(CancellationToken cancellationToken)
    {
        await context.Runner.RunAsync(ExternalCommand.Of("sfdisk", "--wipe", "always", "--wipe-partitions", "always", "--no-tell-kernel", context.Disk).WithInput(SanLayout.PartitionScript()), cancellationToken).ConfigureAwait(false);
        await context.Runner.RunAsync(ExternalCommand.Of("blockdev", "--rereadpt", context.Disk), cancellationToken).ConfigureAwait(false);
        for (var wait = 0; wait < 100 && !File.Exists(_partition); wait++) await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        using var journal = BlockDevice.Open(SanLayout.Partition(context.Disk, 2), writable: true);
        var zeros = new byte[1 << 20];
        for (long at = 0; at < SanLayout.JournalSize.Bytes; at += zeros.Length) journal.Write(at, zeros);
        journal.Flush();
    }

    /// <summary>Makes the volume group, unless it is there already.</summary>
    public async Task CreateVolumeGroupAsync(CancellationToken cancellationToken)
    {
        if (await Lvm.ReadAsync(cancellationToken).ConfigureAwait(false) is null) await Lvm.CreateAsync(cancellationToken).ConfigureAwait(false);
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        var added = NodeVolumes.AddImage(group, context.Image);
        if (added.Volumes.Count > group.Volumes.Count) await Lvm.CommitAsync(added, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes room for the medium's image beside those that the site has.</summary>
    /// <returns>False if it is on the SAN already, verified.</returns>
    /// <exception cref="FailureException">There is not enough space.</exception>
    public async Task<bool> AddImageAsync(CancellationToken cancellationToken)
    {
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        if (group.Find(NodeVolumes.BootName(context.Image.Image)) is { } boot && !NodeVolumes.IsUnverified(boot)) return false;
        var added = Fitting(group, g => NodeVolumes.AddImage(g, context.Image));
        if (added.Volumes.Count > group.Volumes.Count) await Lvm.CommitAsync(added, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Streams the root image from the medium to the origin.</summary>
    public async Task WriteOriginAsync(CancellationToken cancellationToken)
    {
        var device = await MapAsync(NodeVolumes.OriginName(context.Image.Image), readOnly: false, cancellationToken).ConfigureAwait(false);
        await using (var medium = File.OpenRead(Path.Combine(context.Medium, "root.ext4.zst")))
        using (var target = BlockDevice.Open(device, writable: true))
        {
            var written = await OriginWriter.WriteAsync(medium, context.Image, target, Progress("origin", context.Image.RootSize), cancellationToken).ConfigureAwait(false);
            context.Console.Say($"origin {context.Image.Image}: {new ByteSize(written).ToRoundedString()} written for {new ByteSize(context.Image.RootSize).ToRoundedString()}");
        }
        await UnmapAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the origin back from the SAN.</summary>
    public async Task VerifyOriginAsync(CancellationToken cancellationToken)
    {
        var device = await MapAsync(NodeVolumes.OriginName(context.Image.Image), readOnly: true, cancellationToken).ConfigureAwait(false);
        await DropCacheAsync(device, cancellationToken).ConfigureAwait(false);
        using (var source = BlockDevice.Open(device, writable: false))
            OriginWriter.Verify(context.Image, source, Progress("verify", context.Image.RootSize), cancellationToken);
        await UnmapAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Copies the boot volume and reads it back; then the image's volumes no longer count as unverified.</summary>
    public async Task WriteBootAsync(CancellationToken cancellationToken)
    {
        var device = await MapAsync(NodeVolumes.BootName(context.Image.Image), readOnly: false, cancellationToken).ConfigureAwait(false);
        var length = context.Image.BootSize;
        using (var target = BlockDevice.Open(device, writable: true))
        using (var source = BlockDevice.Open(Path.Combine(context.Medium, "boot.squashfs"), writable: false))
        {
            if (source.Size != length) throw new FailureException($"boot.squashfs on the medium has {source.Size} bytes and should have {length}; the medium is damaged: write it again from a checked ISO");
            var buffer = new byte[CopyBlock];
            for (long at = 0; at < length; at += buffer.Length)
            {
                var block = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
                source.Read(at, block);
                target.Write(at, block);
            }
            target.Flush();
        }
        await DropCacheAsync(device, cancellationToken).ConfigureAwait(false);
        if (Digest(device, length) != context.Image.BootDigest) throw new FailureException($"the boot volume of {context.Image.Image} does not have the digest of the image; the medium or the SAN is damaged");
        await UnmapAsync(cancellationToken).ConfigureAwait(false);
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        await Lvm.CommitAsync(NodeVolumes.MarkVerified(group, context.Image.Image), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Creates the volumes of all nodes in one commit; their starts are blanked before, so that nothing old is taken for new.</summary>
    public async Task CreateRootsAsync(CancellationToken cancellationToken)
    {
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        var added = NodeVolumes.AddNodes(group, [.. context.Site.Nodes.Select(n => n.Name)], context.Site.Volumes, Lvm.DevicesOf(group));
        if (!ReferenceEquals(added, group)) await Lvm.CommitAsync(added, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Signs the manifest and writes the site's state; what is there already is kept, and what the site file says otherwise since is the next manifest.</summary>
    /// <param name="journal">The journal, which knows the site's identity.</param>
    /// <param name="partition">The journal's partition.</param>
    /// <exception cref="FailureException">The site file wants other volumes than those that were made.</exception>
    public void CommitSite(Journal journal, BlockDevice partition)
    {
        ArgumentNullException.ThrowIfNull(journal);
        var manifest = Manifest.Compile(context.Site, journal.SiteId, 1, context.Image.Image, context.Image.RootDigest);
        var older = SanState.Read(partition);
        using var identity = older is null ? SiteIdentity.Create(context.Site.Name, journal.SiteId) : SiteIdentity.FromPem(older.CaCertificate, older.CaKey);
        if (older is not null && SignedManifest.TryRead(older.SignedManifest, identity.Certificate.PublicKey, out var current, out _))
        {
            if (current.Volumes != manifest.Volumes) throw new FailureException($"site.yaml: volumes: they were made with root {current.Volumes.Root}, local {current.Volumes.Local}, shared {current.Volumes.Shared}, reserve {current.Volumes.Reserve}; write that back");
            manifest = manifest with { Serial = current.Serial };
            if (!SignedManifest.SaySame(current, manifest)) manifest = manifest with { Serial = current.Serial + 1 };
            else if (older.ChapSecret == context.ChapSecret) return;
        }
        new SanState
        {
            SignedManifest = SignedManifest.Sign(manifest, identity.Key),
            CaCertificate = identity.Certificate.ToPem(),
            CaKey = identity.KeyToPem(),
            ChapSecret = context.ChapSecret,
            Image = context.Image,
        }.Write(partition);
    }

    /// <summary>The state of a finished site with its next manifest, signed.</summary>
    /// <param name="state">The site as the SAN keeps it.</param>
    /// <param name="manifest">The manifest that follows.</param>
    public static SanState Next(SanState state, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var identity = SiteIdentity.FromPem(state.CaCertificate, state.CaKey);
        return state with { SignedManifest = SignedManifest.Sign(manifest, identity.Key) };
    }

    /// <summary>Commits a state of the site: from now on it rules.</summary>
    public void Commit(SanState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var partition = BlockDevice.Open(SanLayout.Partition(context.Disk, 2), writable: true);
        state.Write(partition);
    }

    /// <summary>The group with more volumes, if they fit.</summary>
    private VolumeGroup Fitting(VolumeGroup group, Func<VolumeGroup, VolumeGroup> add)
    {
        try
        {
            return add(group);
        }
        catch (InvalidOperationException e)
        {
            throw new FailureException($"{_partition}: {e.Message}; grow the LUN", e);
        }
    }

    private LvmTools Lvm => new(context.Runner, _partitions);

    private async Task<VolumeGroup> ReadGroupAsync(CancellationToken cancellationToken)
    {
        _partitions = [.. (await SiteLun.AttachAsync(context.Runner, context.Site.San!, context.Disk, cancellationToken).ConfigureAwait(false)).Select(l => l.Partition)];
        return await Lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{_partition} has no volume group {LvmTools.GroupName}");
    }

    private async Task<string> MapAsync(string volume, bool readOnly, CancellationToken cancellationToken)
    {
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        return await new NodeVolumes(context.Runner, group, Lvm.DevicesOf(group)).MapAsync(volume, "vl-install", readOnly, cancellationToken).ConfigureAwait(false);
    }

    private Task UnmapAsync(CancellationToken cancellationToken) => _mapper.RemoveAsync("vl-install", cancellationToken);

    // What is read back must come from the SAN and not from this machine's memory (BLKFLSBUF).
    private async Task DropCacheAsync(string device, CancellationToken cancellationToken)
    {
        await context.Runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", device), cancellationToken).ConfigureAwait(false);
        foreach (var partition in _partitions) await context.Runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", partition), cancellationToken).ConfigureAwait(false);
    }

    private Action<long> Progress(string what, long total)
    {
        var tenth = 0;
        return done =>
        {
            if (done * 10 / total <= tenth) return;
            tenth = (int)(done * 10 / total);
            context.Console.Say($"  {what}: {tenth * 10} % of {new ByteSize(total).ToRoundedString()}");
        };
    }

    private static string Digest(string path, long length)
    {
        using var source = BlockDevice.Open(path, writable: false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[CopyBlock];
        for (long at = 0; at < length; at += buffer.Length)
        {
            var block = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
            source.Read(at, block);
            hash.AppendData(block);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

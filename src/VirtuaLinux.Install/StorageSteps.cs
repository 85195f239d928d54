using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>The steps that write to the SAN. Each can be repeated from its start and ends in the same state.</summary>
public sealed class StorageSteps(InstallContext context)
{
    private readonly string _partition = SanLayout.Partition(context.Disk, 3);
    private IReadOnlyList<string> _partitions = [SanLayout.Partition(context.Disk, 3)];

    /// <summary>Writes the partition table and clears the journal's place.</summary>
    public async Task PartitionAsync(CancellationToken cancellationToken)
    {
        await context.Runner.RunAsync(ExternalCommand.Of("sfdisk", "--wipe", "always", "--wipe-partitions", "always", "--no-tell-kernel", context.Disk).WithInput(SanLayout.PartitionScript()), cancellationToken).ConfigureAwait(false);
        if (MultipathDisk.Is(context.Disk)) await new MultipathDisk(context.Runner).MapPartitionsAsync(context.Disk, cancellationToken).ConfigureAwait(false);
        else await context.Runner.RunAsync(ExternalCommand.Of("blockdev", "--rereadpt", context.Disk), cancellationToken).ConfigureAwait(false);
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

    /// <summary>What writes the medium's image, for whoever holds the lease.</summary>
    public ImageSteps Image => ImageUnder((work, _) => work());

    /// <summary>What writes the medium's image beside running nodes.</summary>
    /// <param name="alone">Runs something while nobody else changes the volume group.</param>
    public ImageSteps ImageUnder(Func<Func<Task>, CancellationToken, Task> alone) => new(context.Runner, context.Image, context.Medium, context.Console.Say, ReadVolumesAsync, (change, token) => alone(async () =>
    {
        var group = await ReadGroupAsync(token).ConfigureAwait(false);
        var next = change(group);
        if (!ReferenceEquals(next, group)) await Lvm.CommitAsync(next, token).ConfigureAwait(false);
    }, token), alone);

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
            Images = [context.Image],
        }.Write(partition);
    }

    /// <summary>The state of a finished site with its next manifest, signed.</summary>
    /// <param name="state">The site as the SAN keeps it.</param>
    /// <param name="manifest">The manifest that follows.</param>
    public static SanState Next(SanState state, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(manifest);
        if (manifest.Format > SignedManifest.KnownFormat) throw new FailureException($"the site was changed by a newer release of this program (manifest format {manifest.Format}, and this one writes {SignedManifest.KnownFormat}); change it from a node of that release, or every node would lose what it added");
        using var identity = SiteIdentity.FromPem(state.CaCertificate, state.CaKey);
        return state with { SignedManifest = SignedManifest.Sign(manifest with { Format = manifest.Move is null ? SignedManifest.KnownFormat : SignedManifest.MovedFormat, ReadableFrom = null }, identity.Key) };
    }

    /// <summary>Commits a state of the site: from now on it rules.</summary>
    public void Commit(SanState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var partition = BlockDevice.Open(SanLayout.Partition(context.Disk, 2), writable: true);
        state.Write(partition);
    }

    private async Task<NodeVolumes> ReadVolumesAsync(CancellationToken cancellationToken)
    {
        var group = await ReadGroupAsync(cancellationToken).ConfigureAwait(false);
        return new NodeVolumes(context.Runner, group, Lvm.DevicesOf(group));
    }

    private LvmTools Lvm => new(context.Runner, _partitions);

    /// <summary>Reads the volume group.</summary>
    /// <exception cref="FailureException">It is not there, or damaged.</exception>
    public async Task<VolumeGroup> ReadGroupAsync(CancellationToken cancellationToken)
    {
        _partitions = [.. (await SiteLun.AttachAsync(ISanTransport.Of(context.Runner, context.Site.San!), context.Disk, cancellationToken).ConfigureAwait(false)).Select(l => l.Partition)];
        return await Lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{_partition} has no volume group {LvmTools.GroupName}");
    }
}

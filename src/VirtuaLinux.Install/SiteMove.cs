using System.Diagnostics;
using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>Moves a site to the LUN that its site file names under <c>san</c>, from the one under <c>formerSan</c>, from the installer's medium while no node runs: <see cref="MoveMachine"/> decides, this carries out.</summary>
/// <param name="context">What an installation works with; its disk is the new LUN.</param>
/// <param name="former">The array that the site is on.</param>
/// <param name="formerSecret">Reads its CHAP secret, if it asks for one.</param>
public sealed class SiteMove(InstallContext context, SiteSan former, Func<string?> formerSecret)
{
    private const string SourceDevice = "vl-move-from", TargetDevice = "vl-move-to";

    private readonly ICommandRunner _runner = context.Runner;
    private readonly ISanTransport _former = ISanTransport.Of(context.Runner, former);
    private readonly StorageSteps _steps = new(context);
    private readonly ISharedDisk _target = ISharedDisk.Of(context.Runner, context.Disk);

    /// <summary>Moves the site, or goes on with that.</summary>
    /// <returns>Whether it was moved now; false when it is on the new array already.</returns>
    /// <exception cref="FailureException">What is in the way, or a no; until the last step the old array is the site.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken = default)
    {
        var content = await SanInspection.InspectThoroughlyAsync(_runner, context.Site, context.Disk, cancellationToken).ConfigureAwait(false);
        var (journal, foreign) = Place(content);
        if (journal is { Step: InstallStep.Done })
        {
            // A place that the site left once is one that it may come back to.
            var (_, kept) = Read(context.Disk);
            if (kept.Move is null) return false;
            (journal, foreign) = (null, $"what site '{kept.Name}' left behind when it moved on {kept.Move.At.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}");
        }
        if (journal is not null && ReadTarget() is { Move: null } arrived)
        {
            using var partition = new JournalPartition(context.Disk, context.Console);
            Write(partition, arrived, null);
            return false;
        }
        var disk = await LoginAsync(journal is not null, cancellationToken).ConfigureAwait(false);
        var (state, manifest) = Read(disk);
        CheckSource(disk, manifest, journal);
        var source = await SourceAsync(disk, state, manifest, cancellationToken).ConfigureAwait(false);
        if (manifest.Move is null) await CheckAsync(source, foreign, isBegun: journal is not null, cancellationToken).ConfigureAwait(false);
        await CarryOutAsync(source, journal, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>The volumes of a site in a group of their own, one behind the other.</summary>
    /// <param name="target">The new array's group; what volumes it has are replaced.</param>
    /// <param name="source">The group that they are copied from.</param>
    public static VolumeGroup Layout(VolumeGroup target, VolumeGroup source)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(source);
        return (target with { Volumes = [] }).Add(source.Volumes.Select(v => new NewVolume(v.Name, new ByteSize(source.SizeOf(v)), v.ReadOnly, v.Tags)));
    }

    /// <summary>The state that the site has on the new array: new portals, new secret, next serial number.</summary>
    /// <param name="state">The site as the old array keeps it.</param>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="san">The new array.</param>
    /// <param name="secret">Its CHAP secret.</param>
    /// <param name="mark">What marks the copy as not being the site; null for the site.</param>
    public static SanState Moved(SanState state, Manifest manifest, SiteSan san, string? secret, ManifestMove? mark)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(manifest);
        return StorageSteps.Next(state with { ChapSecret = secret, Luns = [] }, manifest with { San = san, Serial = manifest.Serial + 1, Move = mark });
    }

    /// <summary>What the old array keeps of the site that has left it: what the new one has, marked.</summary>
    /// <inheritdoc cref="Moved"/>
    public static SanState Left(SanState state, Manifest manifest, SiteSan san, ManifestMove mark)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(manifest);
        return StorageSteps.Next(state, manifest with { San = san, Serial = manifest.Serial + 1, Move = mark });
    }

    /// <summary>The state of the new array without the mark.</summary>
    public static SanState Arrived(SanState staged, Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return StorageSteps.Next(staged, manifest with { Format = SignedManifest.KnownFormat, Move = null });
    }

    /// <summary>What the new LUN is to this move.</summary>
    /// <returns>Its journal, if the site or a part of it is there; otherwise what would be destroyed.</returns>
    private (Journal? Journal, string? Foreign) Place(SanContent content)
    {
        switch (content)
        {
            case SanContent.Blank:
                return (null, null);
            case SanContent.Foreign foreign:
                return (null, foreign.Description);
            case SanContent.Ours { Journal: var other } when other.Site != context.Site.Name:
                throw new FailureException($"the new LUN {context.Disk} (WWID {SiteLun.WwidOf(context.Disk)}) carries site '{other.Site}'; give site '{context.Site.Name}' an empty one");
            case SanContent.Ours { HolderIsAlive: true, Journal: { Step: InstallStep.Move, Holder: var holder } } when holder != context.Self.Name:
                throw new FailureException($"{holder} moves the site to this LUN and is alive; let it end, or switch it off");
            case SanContent.Ours { Journal: { Step: InstallStep.Done or InstallStep.Move } journal }:
                return (journal, null);
            case SanContent.Ours ours:
                throw new FailureException($"the new LUN {context.Disk} carries an installation of site '{ours.Journal.Site}' that was interrupted at {ours.Journal.Step}; wipe its partition table if nobody needs that");
            default:
                throw new InvalidOperationException($"{content} is no content");
        }
    }

    private async Task<string> LoginAsync(bool isBegun, CancellationToken cancellationToken)
    {
        context.Console.Say($"the site is to move here from target {former.Target} at {string.Join(", ", former.Portals)}");
        try
        {
            return await _former.LoginAsync(_former.NameOf(context.Site.Name, context.Self.Name, context.Self.Cluster.Mac), formerSecret(), cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException e)
        {
            throw new FailureException($"formerSan: {e.Message}{(isBegun ? "; the move was begun, and whether it came to its end only the old array knows" : "")}", e);
        }
    }

    private void CheckSource(string disk, Manifest manifest, Journal? journal)
    {
        var wwid = SiteLun.WwidOf(context.Disk);
        if (manifest.Move is { } move && !(move.HasLeft && move.Wwid == wwid && journal is not null)) throw new FailureException($"formerSan: {disk}: {move.Describe(manifest.Name)}");
        if (journal is not null && journal.SiteId != manifest.SiteId) throw new FailureException($"the new LUN carries a part of site '{journal.Site}' ({journal.SiteId}), and the old array site '{manifest.Name}' ({manifest.SiteId}); wipe the new LUN's partition table if nobody needs that");
        if (journal?.Move is { } record && record.From != SiteLun.WwidOf(disk)) throw new FailureException($"the move to the new LUN was begun from the LUN with WWID {record.From}, and formerSan: leads to {disk} with WWID {SiteLun.WwidOf(disk)}; correct formerSan:");
        using var partition = BlockDevice.Open(SanLayout.Partition(disk, 2), writable: false);
        if (Journal.Read(partition) is { Step: not InstallStep.Done } unfinished) throw new FailureException($"formerSan: the installation of site '{unfinished.Site}' was interrupted at {unfinished.Step}; finish it first, with the old array under san:");
    }

    private async Task<Source> SourceAsync(string disk, SanState state, Manifest manifest, CancellationToken cancellationToken)
    {
        if (manifest.Move is not null) return new Source(disk, state, manifest, null!, null!, new Exclusion(ISharedDisk.Of(_runner, disk)));
        var luns = await SiteLun.AttachAsync(_former, disk, state, cancellationToken).ConfigureAwait(false);
        var lvm = new LvmTools(_runner, [.. luns.Select(l => l.Partition)]);
        var group = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"formerSan: {disk} has no volume group {LvmTools.GroupName}; the site on it is damaged");
        return new Source(disk, state, manifest, lvm, group, new Exclusion(ISharedDisk.Of(_runner, disk), [.. luns.Skip(1).Select(l => ISharedDisk.Of(_runner, l.Disk))]));
    }

    /// <summary>Looks at all that could be in the way, and asks, unless that was answered when the move began.</summary>
    private async Task CheckAsync(Source source, string? foreign, bool isBegun, CancellationToken cancellationToken)
    {
        var plan = new MovePlan(source.Manifest, source.Group, context.Site, LunOf(source.Disk), LunOf(context.Disk), await _target.CanFenceAsync(cancellationToken).ConfigureAwait(false), foreign);
        foreach (var line in plan.Lines()) context.Console.Say(line);
        // What cannot be signed is found before hours of copying.
        _ = Moved(source.State, source.Manifest, context.Site.San!, context.ChapSecret, null);
        if (plan.Obstacle() is { } obstacle) throw new FailureException($"{obstacle}; nothing was written");
        await SeeThatNobodyRunsAsync(source, cancellationToken).ConfigureAwait(false);
        if (isBegun) return;
        if (context.Site.Answers is { Install: true }) throw new FailureException("answers: in the site file say that a site is installed, and formerSan: that it moves; a move is confirmed by a person: take answers: out of the file");
        if (await context.Console.AskAsync("Type 'move' to move the site, anything else to stop:", cancellationToken).ConfigureAwait(false) != "move") throw new FailureException("nothing was written, as you said; the site is where it was");
        var word = plan.To.Wwid.Length > 0 ? plan.To.Wwid : $"destroy {context.Disk}";
        if (foreign is not null && await context.Console.AskAsync($"The new LUN carries {foreign}. Type '{word}' to destroy that, anything else to stop:", cancellationToken).ConfigureAwait(false) != word) throw new FailureException("nothing was written, as you said; the site is where it was");
    }

    private async Task SeeThatNobodyRunsAsync(Source source, CancellationToken cancellationToken)
    {
        var alive = await LiveNodes.FindAsync(_runner, source.Manifest.Nodes.Where(n => n.Cluster.Ip != context.Self.Cluster.Ip), cancellationToken).ConfigureAwait(false);
        if (alive.Count > 0) throw new FailureException($"{string.Join(", ", alive)} of site '{source.Manifest.Name}' answer; what is written while it is copied would be lost: switch every node off");
    }

    private async Task CarryOutAsync(Source source, Journal? journal, CancellationToken cancellationToken)
    {
        await new Exclusion(_target).TakeOverAsync(context.Self.Cluster.Ip, cancellationToken).ConfigureAwait(false);
        var key = source.Manifest.Move is null ? await EnterAsync(source, journal?.Move, cancellationToken).ConfigureAwait(false) : null;
        var clock = new Rate(context.Console.Say);
        using var partition = new JournalPartition(context.Disk, context.Console);
        if (journal is not null) partition.Open();
        var (record, hasLeft, hasArrived) = (journal?.Move, source.Manifest.Move is not null, false);
        while (true)
        {
            var mark = hasLeft ? Guid.Empty : (await source.Exclusion.ReadMoveAsync(cancellationToken).ConfigureAwait(false)).Copy;
            if (MoveMachine.Next(new MoveView(hasLeft, mark, record, hasArrived)) is not { } action) break;
            if (action is not MoveAction.Copy) context.Console.Say($"move: {action.GetType().Name}");
            switch (action)
            {
                case MoveAction.Partition:
                    await _steps.PartitionAsync(cancellationToken).ConfigureAwait(false);
                    Note(new MoveRecord { Copy = Guid.NewGuid(), From = SiteLun.WwidOf(source.Disk) });
                    break;
                case MoveAction.Mark begin:
                    await SeeThatNobodyRunsAsync(source, cancellationToken).ConfigureAwait(false);
                    await source.Exclusion.BeginMoveAsync(key, begin.Identifier, cancellationToken).ConfigureAwait(false);
                    // Who entered before the mark did not see it.
                    await RequireAloneAsync(source, key, cancellationToken).ConfigureAwait(false);
                    break;
                case MoveAction.Renew:
                    context.Console.Say("a machine started from the old array since the copy began: the copy begins anew");
                    Note(record!.Renew(Guid.NewGuid()));
                    break;
                case MoveAction.MakeVolumes:
                    source = source with { Group = await MakeVolumesAsync(source, cancellationToken).ConfigureAwait(false) };
                    Note(record! with { Volumes = [.. source.Group.Volumes.Select(v => v.Name)] });
                    break;
                case MoveAction.Copy copy:
                    Note(record! with { Copied = [.. record.Copied, await CopyAsync(source, record, copy.Volume, clock, cancellationToken).ConfigureAwait(false)] });
                    break;
                case MoveAction.Stage:
                    await StageAsync(source, partition.Open(), cancellationToken).ConfigureAwait(false);
                    Note(record! with { IsStaged = true });
                    break;
                case MoveAction.Leave:
                    await RequireAloneAsync(source, key, cancellationToken).ConfigureAwait(false);
                    await LeaveAsync(source, record!.Copy, cancellationToken).ConfigureAwait(false);
                    hasLeft = true;
                    break;
                case MoveAction.Arrive:
                    var staged = SanState.Read(partition.Open()) ?? throw new FailureException($"{context.Disk}: the site was moved here, and its state is missing; restore it from its backup");
                    Arrived(staged, ReadTarget()!).Write(partition.Open());
                    hasArrived = true;
                    break;
                case MoveAction.Finish:
                    Note(null);
                    break;
            }
        }
        context.Console.Say($"site {source.Manifest.Name} is on {context.Disk}, WWID {SiteLun.WwidOf(context.Disk)}, target {context.Site.San!.Target} now, and nothing starts from the old LUN any more");
        context.Console.Say("leave this medium in: the machine starts from the new array as its ordinary node, and boots the others; take formerSan: out of the site file when you have the time");
        context.Console.Say($"the old LUN, WWID {SiteLun.WwidOf(source.Disk)}, still has the site's data and keys: clear it with blkdiscard(8) or on the array when nobody needs them");

        void Note(MoveRecord? next) => Write(partition, source.Manifest, record = next);
    }

    private void Write(JournalPartition partition, Manifest manifest, MoveRecord? record) => new Journal
    {
        Site = manifest.Name,
        SiteId = manifest.SiteId,
        Image = manifest.Image,
        RootDigest = manifest.RootDigest,
        Step = record is null ? InstallStep.Done : InstallStep.Move,
        Holder = context.Self.Name,
        Move = record,
    }.Write(partition.Open());

    /// <summary>Registers with the old array, and shuts out who is still registered: nobody answers, and a machine that hangs must not wake up and write.</summary>
    private async Task<ReservationKey?> EnterAsync(Source source, MoveRecord? record, CancellationToken cancellationToken)
    {
        var lun = ISharedDisk.Of(_runner, source.Disk);
        await source.Exclusion.RefuseNewerAsync(cancellationToken).ConfigureAwait(false);
        var key = await source.Exclusion.EnterAsync(context.Self.Name, context.Self.Cluster.Ip, reserves: false, cancellationToken).ConfigureAwait(false);
        context.Console.Say($"the old array: {Exclusion.Describe(key)}");
        var move = await source.Exclusion.ReadMoveAsync(cancellationToken).ConfigureAwait(false);
        if (key is { } own && (await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Where(k => k != own).ToList() is { Count: > 0 } others)
        {
            if (others.Any(k => k.Node is null)) throw new FailureException($"the old LUN {source.Disk} is in use: {others.First(k => k.Node is null)}, which is no key of this product, is registered with it");
            // Who has registered beside the machine that copied may have written, also one of a release that does not know of copies.
            if (others.Any(k => k != move.Mover)) await source.Exclusion.EndMoveAsync(own, cancellationToken).ConfigureAwait(false);
            foreach (var other in others) await source.Exclusion.ReplaceAsync(own, other.Node!.Value, cancellationToken).ConfigureAwait(false);
        }
        // The key is that of this boot, under which a machine that starts from the old array shuts this one out.
        if (record is not null && (await source.Exclusion.ReadMoveAsync(cancellationToken).ConfigureAwait(false)).Copy == record.Copy) await source.Exclusion.BeginMoveAsync(key, record.Copy, cancellationToken).ConfigureAwait(false);
        return key;
    }

    private async Task RequireAloneAsync(Source source, ReservationKey? key, CancellationToken cancellationToken)
    {
        if (key is null) return;
        var others = (await ISharedDisk.Of(_runner, source.Disk).ReadKeysAsync(cancellationToken).ConfigureAwait(false)).Where(k => k != key).ToList();
        if (others.Count == 0) return;
        // Its release may not know of moves: what is copied may be out of date all the same.
        await source.Exclusion.EndMoveAsync(key, cancellationToken).ConfigureAwait(false);
        throw new FailureException($"{string.Join(", ", others.Select(k => source.Manifest.Nodes.FirstOrDefault(n => n.Cluster.Ip == k.Node)?.Name ?? k.ToString()))} started from the old array meanwhile, and it is the site still; switch it off and start this medium again: what has changed is copied again");
    }

    private async Task<VolumeGroup> MakeVolumesAsync(Source source, CancellationToken cancellationToken)
    {
        var group = await source.Lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"formerSan: {source.Disk} has no volume group any more");
        var lvm = new LvmTools(_runner, SanLayout.Partition(context.Disk, 3));
        await lvm.CreateAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await lvm.CommitAsync(Layout((await lvm.ReadAsync(cancellationToken).ConfigureAwait(false))!, group), cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException e)
        {
            throw new FailureException($"the new LUN {context.Disk} is too small: {e.Message}", e);
        }
        return group;
    }

    private async Task<CopiedVolume> CopyAsync(Source source, MoveRecord record, string volume, Rate rate, CancellationToken cancellationToken)
    {
        var lvm = new LvmTools(_runner, SanLayout.Partition(context.Disk, 3));
        var group = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{context.Disk} has no volume group any more");
        try
        {
            var from = await new NodeVolumes(_runner, source.Group, source.Lvm.DevicesOf(source.Group)).MapAsync(volume, SourceDevice, readOnly: true, cancellationToken).ConfigureAwait(false);
            var to = await new NodeVolumes(_runner, group, lvm.DevicesOf(group)).MapAsync(volume, TargetDevice, readOnly: false, cancellationToken).ConfigureAwait(false);
            using var input = BlockDevice.Open(from, writable: false);
            using var output = BlockDevice.Open(to, writable: true);
            var what = string.Create(CultureInfo.InvariantCulture, $"volume {record.Copied.Count + 1} of {record.Volumes!.Count}, {volume}");
            await FlushAsync(from, [.. source.Lvm.DevicesOf(source.Group).Values], cancellationToken).ConfigureAwait(false);
            var (digest, written) = VolumeCopy.Copy(input, output, rate.Of($"{what}: copied", input.Size), cancellationToken);
            // What is read back must come from the array and not from this machine's memory (BLKFLSBUF).
            await FlushAsync(to, [.. lvm.DevicesOf(group).Values], cancellationToken).ConfigureAwait(false);
            VolumeCopy.Verify(digest, output, rate.Of($"{what}: read back", input.Size), cancellationToken);
            context.Console.Say($"{what}: {new ByteSize(written).ToRoundedString()} written of {new ByteSize(input.Size).ToRoundedString()}, read back, digest {digest.RootDigest()[..16]}");
            return new CopiedVolume(volume, digest.RootDigest());
        }
        finally
        {
            foreach (var device in (string[])[SourceDevice, TargetDevice]) await new DeviceMapper(_runner).RemoveAsync(device, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task FlushAsync(string device, IReadOnlyList<string> below, CancellationToken cancellationToken)
    {
        foreach (var path in below.Distinct().Prepend(device)) await _runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", path), cancellationToken).ConfigureAwait(false);
    }

    private async Task StageAsync(Source source, BlockDevice partition, CancellationToken cancellationToken)
    {
        var (state, manifest) = Read(source.Disk);
        var (fences, mine) = (await source.Exclusion.ReadFencesAsync(cancellationToken).ConfigureAwait(false), await _target.ReadBlockAsync(SharedBlock.Fences, cancellationToken).ConfigureAwait(false));
        var kept = fences.ToBytes(mine.Length);
        if (!mine.AsSpan().SequenceEqual(kept) && !await _target.ReplaceBlockAsync(SharedBlock.Fences, mine, kept, cancellationToken).ConfigureAwait(false)) throw new FailureException($"{context.Disk}: another machine writes to the new LUN; switch it off");
        // The starter is that of the site on the new array: what it starts asks the copy there, which says that it is not the site yet.
        await new StarterPartition(_runner, context.Disk, context.Console.Log).WriteAsync(Moved(state, manifest, context.Site.San!, context.ChapSecret, null), cancellationToken).ConfigureAwait(false);
        Moved(state, manifest, context.Site.San!, context.ChapSecret, MarkOf(source.Disk, former, hasLeft: false)).Write(partition);
    }

    private async Task LeaveAsync(Source source, Guid copy, CancellationToken cancellationToken)
    {
        var (state, manifest) = Read(source.Disk);
        var left = Left(state, manifest, context.Site.San!, MarkOf(context.Disk, context.Site.San!, hasLeft: true));
        // A machine that starts from the old array from here on takes this one's right to write there, and so the site does not leave.
        if ((await source.Exclusion.ReadMoveAsync(cancellationToken).ConfigureAwait(false)).Copy != copy) throw new FailureException("a machine started from the old array meanwhile, and it is the site still; switch it off and start this medium again: what has changed is copied again");
        using var partition = BlockDevice.Open(SanLayout.Partition(source.Disk, 2), writable: true);
        left.Write(partition);
    }

    private static ManifestMove MarkOf(string other, SiteSan san, bool hasLeft) => new() { HasLeft = hasLeft, Wwid = SiteLun.WwidOf(other), San = san, At = DateTimeOffset.UtcNow };

    private Manifest? ReadTarget()
    {
        using var partition = BlockDevice.Open(SanLayout.Partition(context.Disk, 2), writable: false);
        return SanState.Read(partition) is null ? null : Read(context.Disk).Manifest;
    }

    /// <summary>The site on a LUN, also one that has left it or is not there yet.</summary>
    private static (SanState State, Manifest Manifest) Read(string disk)
    {
        var state = NodeBoot.ReadState(disk);
        using var certificate = SiteCertificate.FromPem(state.CaCertificate);
        return SignedManifest.TryReadAny(state.SignedManifest, certificate.PublicKey, out var manifest, out var reason) ? (state, manifest) : throw new FailureException($"{disk}: the manifest on the SAN is refused: {reason}");
    }

    private static MoveLun LunOf(string disk)
    {
        using var device = BlockDevice.Open(disk, writable: false);
        return new MoveLun(disk, SiteLun.WwidOf(disk), new ByteSize(device.Size), SiteLun.BlockSizeOf(disk));
    }

    /// <summary>The old array.</summary>
    private sealed record Source(string Disk, SanState State, Manifest Manifest, LvmTools Lvm, VolumeGroup Group, Exclusion Exclusion);

    /// <summary>Says every ten seconds how far a volume is, and how fast that goes.</summary>
    private sealed class Rate(Action<string> say)
    {
        private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

        public Action<long> Of(string what, long total)
        {
            var (begin, said) = (Stopwatch.StartNew(), TimeSpan.Zero);
            return done =>
            {
                if (begin.Elapsed - said < Interval) return;
                said = begin.Elapsed;
                var perSecond = done / said.TotalSeconds;
                say(string.Create(CultureInfo.InvariantCulture, $"  {what} {100 * done / total} % of {new ByteSize(total).ToRoundedString()}, {new ByteSize((long)perSecond).ToRoundedString()}/s, {(total - done) / Math.Max(1, perSecond):0} s to go"));
            };
        }
    }
}

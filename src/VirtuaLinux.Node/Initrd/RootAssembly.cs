using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Node.Initrd;

/// <summary>Puts a node's root together from its volumes on the SAN: the part of a boot that a node from the network and a node from a starter share.</summary>
public sealed class RootAssembly(ICommandRunner runner, Action<string> log)
{
    /// <summary>Where the root is mounted for switch_root(8).</summary>
    public const string Root = "/sysroot";

    private const string Local = "/local";

    /// <summary>Maps and mounts everything below <see cref="Root"/>, writes the node's own files, and leaves a <see cref="BootRecord"/>.</summary>
    /// <param name="disk">The LUN.</param>
    /// <param name="state">The site as the SAN keeps it.</param>
    /// <param name="manifest">Its manifest, checked.</param>
    /// <param name="node">This machine.</param>
    /// <param name="bootedFrom"><c>network</c> or <c>starter</c>.</param>
    /// <param name="server">The boot server, if there was one.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="FailureException">A volume is missing or damaged, or belongs to another origin.</exception>
    public async Task RunAsync(string disk, SanState state, Manifest manifest, ManifestNode node, string bootedFrom, string? server, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(node);
        // What the origin is held against must come from what the site signed.
        var image = state.Find(manifest, manifest.ImageOf(node));
        var luns = await SiteLun.AttachAsync(ISanTransport.Of(runner, manifest.San!), disk, state, cancellationToken).ConfigureAwait(false);
        var lvm = new LvmTools(runner, [.. luns.Select(l => l.Partition)]);
        // The modules come from the image's boot volume and fit no other kernel.
        if (KernelRelease() is var running && running != image.KernelRelease)
        {
            log($"this machine started kernel {running}, and {image.Image}, which {node.Name} shall run, has {image.KernelRelease}");
            await new StarterBoot(runner, log).SwitchKernelAsync(await ReadVolumesAsync(lvm, disk, cancellationToken).ConfigureAwait(false), state, manifest, image, cancellationToken).ConfigureAwait(false);
        }
        // Before anything is mapped for writing: no volume is ever mapped by two machines that the SAN lets write.
        var exclusion = new Exclusion(ISharedDisk.Of(runner, disk), [.. luns.Skip(1).Select(l => ISharedDisk.Of(runner, l.Disk))]) { NameOf = manifest.NameOf };
        await exclusion.RefuseNewerAsync(cancellationToken).ConfigureAwait(false);
        var key = await exclusion.EnterAsync(node.Name, node.Cluster.Ip, image.Registers, cancellationToken).ConfigureAwait(false);
        log(Exclusion.Describe(key));
        // The site may have left for another array since its state was read; from here on it cannot.
        var ended = await exclusion.EndMoveAsync(key, cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", SanLayout.Partition(disk, 2)), cancellationToken).ConfigureAwait(false);
        _ = NodeBoot.ReadSite(disk);
        if (ended) log(Exclusion.MoveEnded);
        var volumes = await ReadVolumesAsync(lvm, disk, cancellationToken).ConfigureAwait(false);

        await MountLocalAsync(volumes, node, cancellationToken).ConfigureAwait(false);
        var known = RootRecord.Read();
        if (known is null && await volumes.HasRootsAsync(node.Name, cancellationToken).ConfigureAwait(false))
            throw new FailureException($"the exception store of {node.Name} holds roots, and {Local} has no record of the image that they stand on; {NodeVolumes.HowToBeginAnew(node.Name)}");
        var last = known ?? new RootRecord { Image = image.Image, RootDigest = image.RootDigest, ThinId = 0 };
        var record = last.Start(image.Image, image.RootDigest, node.Former, manifest.Serial, DateTimeOffset.UtcNow);
        if (record.DropsLocal) EmptyLocal();
        record.Write();
        // The pool is changed next, and at once: after a power cut it must not have a root that the record does not know.
        await runner.RunAsync(ExternalCommand.Of("sync"), cancellationToken).ConfigureAwait(false);

        var (origin, originSize) = await volumes.MapOriginAsync(image, cancellationToken).ConfigureAwait(false);
        var root = await volumes.MapRootAsync(node.Name, origin, new ByteSize(Math.Max(manifest.Volumes.Root.Bytes, originSize.Bytes)), record.ToThinRoot(), $"{Local}/{RootRecord.FolderName}", log, cancellationToken).ConfigureAwait(false);
        await MountAsync("ext4", root, Root, "rw,noatime", cancellationToken).ConfigureAwait(false);
        // The site may have made volumes larger while this node was off.
        if (record.RenderedSerial != manifest.Serial)
            foreach (var device in (string[])[root, DeviceMapper.PathOf(NodeVolumes.LocalDevice)]) await runner.RunAsync(ExternalCommand.Of("resize2fs", device), cancellationToken).ConfigureAwait(false);
        if (last.Image != record.Image) log($"{node.Name} goes over from {last.Image} to {record.Image}{(record.RenderedSerial > 0 ? ", whose root was kept" : "")}");
        if (last.Dropped.Count > 0) log($"the root begins anew from the image, as asked{(record.DropsLocal ? ", and local is empty" : "")}");
        var boot = await volumes.MapAsync(NodeVolumes.BootName(image.Image), "vl-boot", readOnly: true, cancellationToken).ConfigureAwait(false);
        await MountAsync("squashfs", boot, $"{Root}/usr/lib/virtualinux/boot", "ro", cancellationToken).ConfigureAwait(false);
        await runner.RunAsync(ExternalCommand.Of("mount", "-o", "bind", $"{Root}/usr/lib/virtualinux/boot/modules", $"{Root}/usr/lib/modules"), cancellationToken).ConfigureAwait(false);
        log($"root mounted: {node.Name} over {image.Image}, {Uptime().ToString("0.0", CultureInfo.InvariantCulture)} s after the kernel's start, {NetworkLink.Received().ToRoundedString()} received by the initrd");

        if (record.RenderedSerial != manifest.Serial || record.Dropped.Count > 0)
        {
            NodeFiles.Render(Root, NodeFiles.Variables(manifest, node));
            NodeFiles.LinkLocal(Root, Local);
            // The record is on another volume: it must not be there before the files are.
            await runner.RunAsync(ExternalCommand.Of("sync"), cancellationToken).ConfigureAwait(false);
            (record with { RenderedSerial = manifest.Serial, Dropped = [], DropsLocal = false }).Write();
        }
        await runner.RunAsync(ExternalCommand.Of("mount", "-o", "move", Local, Root + Local), cancellationToken).ConfigureAwait(false);
        new BootRecord
        {
            Node = node.Name,
            BootedFrom = bootedFrom,
            Server = server,
            Image = image.Image,
            Generations = [record.Image, .. record.Kept.Select(k => k.Image)],
            History = record.History,
            ManifestSerial = manifest.Serial,
            RootVolume = $"{NodeVolumes.StoreName(node.Name)} over {NodeVolumes.OriginName(image.Image)}",
            RootMountedAfter = Uptime(),
            ReservationKey = image.Registers ? key?.ToString() : null,
        }.Write(state);
        if (MultipathDisk.Is(disk)) await File.WriteAllTextAsync(BootRecord.MultipathPath, "", cancellationToken).ConfigureAwait(false);
        await new OriginWatch(runner, log).LookAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<NodeVolumes> ReadVolumesAsync(LvmTools lvm, string disk, CancellationToken cancellationToken)
    {
        var group = await lvm.ReadAsync(cancellationToken).ConfigureAwait(false) ?? throw new FailureException($"{disk} has no volume group {LvmTools.GroupName} any more: its LVM label is gone. Nothing was changed: {LvmTools.RepairAdvice}");
        return new NodeVolumes(runner, group, lvm.DevicesOf(group));
    }

    /// <summary>Seconds since the kernel started.</summary>
    public static double Uptime() => double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);

    private static string KernelRelease() => File.ReadAllText("/proc/sys/kernel/osrelease").Trim();

    /// <summary>Makes the file system of a <c>local</c> volume.</summary>
    public static ExternalCommand MakeLocal(string device) => ExternalCommand.Of("mke2fs", "-q", "-t", "ext4", "-L", "local", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", device);

    private async Task MountLocalAsync(NodeVolumes volumes, ManifestNode node, CancellationToken cancellationToken)
    {
        var local = await volumes.MapAsync(NodeVolumes.LocalName(node.Name), NodeVolumes.LocalDevice, readOnly: false, cancellationToken).ConfigureAwait(false);
        if (NodeVolumes.IsBlank(local))
        {
            FreshVolume.Require(node.Name, local, await volumes.MapMetadataAsync(node.Name, cancellationToken).ConfigureAwait(false));
            await runner.RunAsync(MakeLocal(local), cancellationToken).ConfigureAwait(false);
        }
        try
        {
            await MountAsync("ext4", local, Local, "rw,noatime", cancellationToken).ConfigureAwait(false);
        }
        catch (ExternalCommandException e)
        {
            throw new FailureException($"the local volume of {node.Name} cannot be mounted: {e.Message}. {NodeVolumes.HowToMendLocal(node.Name)}", e);
        }
    }

    /// <summary>Deletes everything on <c>local</c> but the record that asks for it: a power cut leaves the rest to the next boot.</summary>
    private static void EmptyLocal()
    {
        foreach (var entry in new DirectoryInfo(Local).EnumerateFileSystemInfos())
            if (entry is DirectoryInfo { LinkTarget: null } folder && entry.Name != RootRecord.FolderName) folder.Delete(recursive: true);
            else if (entry is not DirectoryInfo { LinkTarget: null }) entry.Delete();
    }

    private Task<CommandResult> MountAsync(string type, string device, string folder, string options, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        return runner.RunAsync(ExternalCommand.Of("mount", "-t", type, "-o", options, device, folder), cancellationToken);
    }
}

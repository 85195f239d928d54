using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>What runs on every node for ever: the boot services for all others.</summary>
public static class NodeService
{
    /// <summary>The unit that lets services see what the node's own files say now.</summary>
    private const string FilesUnit = "virtualinux-files.service";

    private const string SharedUnit = "virtualinux-shared.service";

    /// <summary>Serves until <paramref name="cancellationToken"/>; tells systemd when all sockets are bound.</summary>
    /// <exception cref="FailureException">This machine was not booted by the product's initrd, or a socket cannot be bound.</exception>
    public static async Task RunAsync(Action<string> log, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(log);
        var record = BootRecord.Read();
        var (state, manifest) = ReadSite();
        using var certificate = SiteCertificate.FromPem(state.CaCertificate);
        var self = manifest.Nodes.FirstOrDefault(n => n.Name == record.Node) ?? throw new FailureException($"{record.Node} is not in the manifest");
        await using var peers = new PeerWatch(manifest, self);
        var runner = new CommandRunner();
        var volumes = new BootVolumes(runner, record.Image, log);
        var units = new UnitWatch(runner);
        await volumes.FollowAsync(manifest, cancellationToken).ConfigureAwait(false);
        await using var services = new SiteServices(state, manifest, self, $"{SiteServices.BootVolume}/export", () => Status() with { FailedUnits = units.Failed }, peers.Servers, log, volumes.Find);
        peers.OnNews = (peer, status) =>
        {
            if (status.ManifestSerial is { } serial && serial > services.Newest) services.Heard(serial);
            if (status is { State: "up", Role: "node" }) services.Server.Progress.Note(peer.Cluster.Ip, BootStage.Up);
        };
        peers.Follow(manifest);
        await services.Server.StartAsync(cancellationToken).ConfigureAwait(false);
        ServiceNotify.Send("READY=1");
        log($"ready: {self.Name} serves DHCP, TFTP and HTTP for site {manifest.Name}");
        var origin = new OriginWatch(runner, log).RunAsync(cancellationToken);
        var failures = units.RunAsync(cancellationToken);
        var paths = new PathWatch(runner, log).RunAsync(cancellationToken);
        try
        {
            var site = new SiteOnSan(runner, certificate);
            var noted = record.ManifestSerial;
            while (true)
            {
                await SiteOnSan.WaitForNewsAsync(manifest, peers, cancellationToken).ConfigureAwait(false);
                if (await site.ReadAsync(manifest, log, cancellationToken).ConfigureAwait(false) is not var (newer, next)) continue;
                // What a peer said counts until the SAN has been read: there it is true or not.
                services.Heard(next.Serial);
                // Before the manifest is served: who is sent to another image finds it here.
                await volumes.FollowAsync(next.Serial > manifest.Serial ? next : manifest, cancellationToken).ConfigureAwait(false);
                if (next.Serial > manifest.Serial)
                {
                    manifest = next;
                    peers.Follow(manifest);
                    services.Update(newer, manifest);
                    await AttachLunsAsync(runner, log, cancellationToken).ConfigureAwait(false);
                    log($"manifest {manifest.Serial} taken over from the SAN");
                    await GrowAsync(runner, manifest, record.Node, log, cancellationToken).ConfigureAwait(false);
                }
                if (MustRestart(manifest, record)) await RestartAsync(runner, manifest, record, log, cancellationToken).ConfigureAwait(false);
                // Noted when the node's own files follow it, and tried again until they do: a key that was taken back must not stay.
                if (next.Serial <= noted || !await TakeFilesOverAsync(runner, next, record.Node, log, cancellationToken).ConfigureAwait(false)) continue;
                (BootRecord.Read() with { ManifestSerial = next.Serial }).Write(newer);
                noted = next.Serial;
                await StartSharedAsync(runner, next, log, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            log("stopped");
        }
        await origin.ConfigureAwait(false);
        await failures.ConfigureAwait(false);
        await paths.ConfigureAwait(false);
    }

    /// <summary>Larger volumes are taken over while they are in use. What goes wrong is told; the next start takes them over too.</summary>
    private static async Task GrowAsync(CommandRunner runner, Manifest manifest, string name, Action<string> log, CancellationToken cancellationToken)
    {
        try
        {
            var volumes = await NodeStorage.Open(runner).ReadVolumesAsync(cancellationToken).ConfigureAwait(false);
            await volumes.GrowMountedAsync(name, manifest.Volumes.Root, cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException e)
        {
            log($"this node's volumes do not follow manifest {manifest.Serial}: {e.Message}");
        }
    }

    /// <summary>Whether the site wants this node to restart for another image now.</summary>
    private static bool MustRestart(Manifest manifest, BootRecord record) =>
        manifest.Nodes.FirstOrDefault(n => n.Name == record.Node) is { Restarts: true } self && manifest.ImageOf(self) != record.Image;

    private static async Task RestartAsync(CommandRunner runner, Manifest manifest, BootRecord record, Action<string> log, CancellationToken cancellationToken)
    {
        log($"manifest {manifest.Serial} says that {record.Node} runs {manifest.ImageOf(manifest.Nodes.First(n => n.Name == record.Node))} and no longer {record.Image}: restarting");
        try
        {
            await runner.RunAsync(ExternalCommand.Of("systemctl", "--no-block", "reboot"), cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException e)
        {
            log($"the restart could not be asked for, and is tried again: {e.Message}");
        }
    }

    /// <summary>The site may have got a LUN: this node sees it and is registered with it before a volume of its own grows onto it.</summary>
    private static async Task AttachLunsAsync(CommandRunner runner, Action<string> log, CancellationToken cancellationToken)
    {
        try
        {
            await NodeStorage.Open(runner).AttachAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException e)
        {
            log($"the site's LUNs: {e.Message}");
        }
    }

    /// <summary>Names, accounts and keys of the site change on a running node too. What goes wrong is told, and boot goes on being served.</summary>
    private static async Task<bool> TakeFilesOverAsync(CommandRunner runner, Manifest manifest, string name, Action<string> log, CancellationToken cancellationToken)
    {
        try
        {
            if (manifest.Nodes.FirstOrDefault(n => n.Name == name) is not { } self) return true;
            NodeFiles.Render("/", NodeFiles.Variables(manifest, self));
            await runner.RunAsync(ExternalCommand.Of("systemctl", "start", FilesUnit), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is FailureException or IOException or UnauthorizedAccessException)
        {
            log($"this node's own files do not follow manifest {manifest.Serial}: {e.Message}");
            return false;
        }
    }

    /// <summary>Where the site had no shared volume before, the service for it has ended.</summary>
    private static async Task StartSharedAsync(CommandRunner runner, Manifest manifest, Action<string> log, CancellationToken cancellationToken)
    {
        try
        {
            if (manifest.SharedAddress is not null) await runner.RunAsync(ExternalCommand.Of("systemctl", "--no-block", "start", SharedUnit), cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException e)
        {
            log($"the shared volume of manifest {manifest.Serial}: {e.Message}");
        }
    }

    /// <summary>The site as this node knows it.</summary>
    /// <exception cref="FailureException">This machine was not booted by the product's initrd, or may not read it: only root may.</exception>
    public static (SanState State, Manifest Manifest) ReadSite()
    {
        if (!File.Exists(BootRecord.StatePath)) throw new FailureException($"{BootRecord.StatePath} is missing: this machine is not a node of a site; run this on a node");
        var state = JsonSerializer.Deserialize(File.ReadAllText(BootRecord.StatePath), StorageJson.Default.SanState)!;
        using var certificate = SiteCertificate.FromPem(state.CaCertificate);
        return SignedManifest.TryRead(state.SignedManifest, certificate.PublicKey, out var manifest, out var reason) ? (state, manifest) : throw new FailureException($"the manifest is refused: {reason}");
    }

    /// <summary>The state of this node.</summary>
    /// <exception cref="FailureException">This machine was not booted by the product's initrd.</exception>
    public static NodeStatus Status()
    {
        var record = BootRecord.Read();
        return new NodeStatus
        {
            Name = record.Node,
            State = "up",
            Role = "node",
            Firmware = Directory.Exists("/sys/firmware/efi") ? "UEFI" : "BIOS",
            BootedFrom = record.BootedFrom,
            Server = record.Server,
            RootVolume = record.RootVolume,
            Store = GuardService.Read(),
            ImageVersion = record.Image.ToString(),
            Generations = record.Generations,
            History = record.History,
            Mapped = [.. NodeVolumes.MappedImages().Append(record.Image).Distinct()],
            Origin = OriginWatch.Last(),
            ManifestSerial = record.ManifestSerial,
            HostKey = SshHostKey.Fingerprint(SshHostKey.Path),
            BootId = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim(),
            RootMountedAfter = record.RootMountedAfter,
            Uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture),
        };
    }
}

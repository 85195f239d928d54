using System.Diagnostics;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install;

/// <summary>What the machine does that was started from the installer's medium: DESIGN section 6.</summary>
public sealed class Metamaster(ICommandRunner runner, InstallConsole console)
{
    /// <summary>Where the medium is mounted.</summary>
    public const string MediumMount = "/run/virtualinux/medium";

    /// <summary>Where the medium's boot volume is mounted.</summary>
    public const string BootMount = "/run/virtualinux/boot";

    private const string SiteMount = "/run/virtualinux/site";

    /// <summary>A backup on the VL-SITE volume, which the installer offers to restore onto an empty LUN.</summary>
    private const string BackupPath = $"{SiteMount}/backup.tar";

    private static readonly TimeSpan WaitBetweenLooks = TimeSpan.FromSeconds(5);

    /// <summary>Installs the site, or starts this machine as a node of a finished one.</summary>
    /// <returns>What the initrd does next.</returns>
    /// <exception cref="FailureException">What is wrong, and what to do.</exception>
    public async Task<MetamasterOutcome> RunAsync(CancellationToken cancellationToken = default)
    {
        console.Say("VirtuaLinux metamaster");
        var coldplug = new Coldplug(runner);
        await coldplug.LoadAsync(cancellationToken).ConfigureAwait(false);
        var media = new Media(runner, coldplug, console);
        await media.MountAsync("VIRTUALINUX", MediumMount, cancellationToken).ConfigureAwait(false);
        var image = SiteImages.ReadInfo($"{MediumMount}/virtualinux");
        console.Say($"image {image.Image}, {ImageTrust.Require($"{MediumMount}/virtualinux", ImageTrust.OwnKeys()) ?? "of a vendor who signs none"}");
        Directory.CreateDirectory(BootMount);
        await runner.RunAsync(ExternalCommand.Of("mount", "-t", "squashfs", "-o", "loop,ro", $"{MediumMount}/virtualinux/boot.squashfs", BootMount), cancellationToken).ConfigureAwait(false);
        await media.MountAsync("VL-SITE", SiteMount, cancellationToken).ConfigureAwait(false);
        var site = LoadSite();
        var link = new NetworkLink(runner, coldplug);
        if (FindSelf(site) is null) site = await new Replacement(runner, console, link).AskAsync(site, cancellationToken).ConfigureAwait(false);
        var self = FindSelf(site)!;
        var san = site.San ?? throw new FailureException("site.yaml: no san:; name its portals and target");
        console.Say($"this machine is {self.Name} of site {site.Name}");
        await link.UpAllAsync(self, site.Networks, console.Say, cancellationToken).ConfigureAwait(false);
        var secret = ReadSecret(san);
        var transport = ISanTransport.Of(runner, san);
        var disk = await transport.LoginAsync(transport.NameOf(site.Name, self.Name, self.Cluster.Mac), secret, cancellationToken).ConfigureAwait(false);
        console.Say($"SAN: {disk}, WWID {SiteLun.WwidOf(disk)}");
        var context = new InstallContext { Runner = runner, Console = console, Site = site, Self = self, Image = image, Medium = $"{MediumMount}/virtualinux", Disk = disk, ChapSecret = secret };
        if (site.FormerSan is { } former && await new SiteMove(context, former, () => ReadSecret(former, "formerSan")).RunAsync(cancellationToken).ConfigureAwait(false))
        {
            // With the old array's sessions a node is not started: the machine starts anew, from the same medium.
            await runner.RunAsync(ExternalCommand.Of("sync"), cancellationToken).ConfigureAwait(false);
            return MetamasterOutcome.Reboot;
        }
        return await ExecuteAsync(context, cancellationToken).ConfigureAwait(false);
    }

    private async Task<MetamasterOutcome> ExecuteAsync(InstallContext context, CancellationToken cancellationToken)
    {
        var state = new InstallState { Site = context.Site.Name, Node = context.Self.Name, Image = context.Image.Image, RootDigest = context.Image.RootDigest };
        var peers = new PeerSteps(context);
        var seen = await InspectAsync(context, cancellationToken).ConfigureAwait(false);
        var exclusion = new InstallExclusion(context);
        await using var _ = exclusion.ConfigureAwait(false);
        var finished = new FinishedSite(context, exclusion);
        var happened = (InstallEvent)seen;
        using var journal = new JournalPartition(context.Disk, console);
        while (true)
        {
            (state, var actions) = InstallMachine.Next(state, happened);
            if (actions.Count == 0) throw new InvalidOperationException($"nothing follows from {happened} in phase {state.Phase}");
            // Running nodes reserve the LUN of their site for those who are registered. Another site's is left alone until a person has said yes.
            if (happened is InstallEvent.SanInspected { Content: SanContent.Ours ours } && ours.Journal.Site == context.Site.Name)
            {
                await exclusion.EnterAsync(cancellationToken).ConfigureAwait(false);
                if (ours is { HolderIsAlive: false, Journal: { Step: not InstallStep.Done, Holder: var gone } } && gone != context.Self.Name && context.Site.Nodes.Select(ManifestNode.From).FirstOrDefault(n => n.Name == gone) is { } holder)
                    await exclusion.ReplaceAsync(holder.Cluster.Ip, cancellationToken).ConfigureAwait(false);
            }
            foreach (var action in actions)
                switch (action)
                {
                    case InstallAction.WriteJournal write:
                        if (Journal.Read(journal.Open()) is { } present && present.SiteId != write.Journal.SiteId) throw new FailureException($"another metamaster, {present.Holder}, installs site '{present.Site}' on this LUN; leave one of the two on");
                        write.Journal.Write(journal.Open());
                        break;
                    case InstallAction.Ask ask:
                        var answer = await ConfirmAsync(context, ask, cancellationToken).ConfigureAwait(false);
                        // Minutes may lie between the question and the yes: it holds only for what was shown.
                        var now = await InspectAsync(context, cancellationToken).ConfigureAwait(false);
                        happened = answer is InstallEvent.Confirmed && now != seen ? now : answer;
                        seen = now;
                        break;
                    case InstallAction.Run run:
                        happened = await RunStepAsync(context, state, run.Step, journal, peers, exclusion, cancellationToken).ConfigureAwait(false);
                        break;
                    case InstallAction.Wait wait:
                        console.Say($"{wait.Reason}; waiting");
                        await Task.Delay(WaitBetweenLooks, cancellationToken).ConfigureAwait(false);
                        happened = seen = await InspectAsync(context, cancellationToken).ConfigureAwait(false);
                        break;
                    case InstallAction.Offer:
                        happened = new InstallEvent.Chosen(await finished.OfferAsync(cancellationToken).ConfigureAwait(false));
                        break;
                    case InstallAction.Carry carry:
                        // Opened for the log alone; a reinstallation needs the partitions unused.
                        using (var log = new JournalPartition(context.Disk, console))
                        {
                            log.Open();
                            await finished.CarryAsync(carry.Choice, cancellationToken).ConfigureAwait(false);
                        }
                        happened = new InstallEvent.ChoiceDone();
                        break;
                    case InstallAction.Stop stop:
                        throw new FailureException(stop.Reason);
                    case InstallAction.Reboot:
                        await DemoteAsync(context, state.Journal!, peers, cancellationToken).ConfigureAwait(false);
                        return MetamasterOutcome.Reboot;
                    case InstallAction.StartNode:
                        await StartNodeAsync(context, cancellationToken).ConfigureAwait(false);
                        return MetamasterOutcome.Node;
                }
        }
    }

    private async Task<InstallEvent.SanInspected> InspectAsync(InstallContext context, CancellationToken cancellationToken) =>
        new(await SanInspection.InspectAsync(runner, context.Site, context.Disk, cancellationToken).ConfigureAwait(false));

    private async Task<InstallEvent> RunStepAsync(InstallContext context, InstallState state, InstallStep step, JournalPartition journal, PeerSteps peers, InstallExclusion exclusion, CancellationToken cancellationToken)
    {
        console.Say($"step {step}");
        var clock = Stopwatch.StartNew();
        var storage = new StorageSteps(context);
        // Nodes that run already may let their stores grow meanwhile.
        if (step is > InstallStep.Partition and < InstallStep.BringUpPeers) await exclusion.HoldAsync(cancellationToken).ConfigureAwait(false);
        else await exclusion.ReleaseAsync().ConfigureAwait(false);
        switch (step)
        {
            case InstallStep.Partition:
                await exclusion.TakeOverAsync(cancellationToken).ConfigureAwait(false);
                await storage.PartitionAsync(cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.CreateVolumeGroup:
                await storage.CreateVolumeGroupAsync(cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.WriteOrigin:
                await storage.Image.WriteOriginAsync(cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.VerifyOrigin:
                await storage.Image.VerifyOriginAsync(cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.WriteBoot:
                await storage.Image.WriteBootAsync(cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.CreateRoots:
                await storage.CreateRootsAsync(cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.CommitSite:
                storage.CommitSite(state.Journal!, journal.Open());
                break;
            case InstallStep.WriteStarter:
                await new StarterPartition(context.Runner, context.Disk, context.Console.Log).WriteAsync(NodeBoot.ReadState(context.Disk), cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.BringUpPeers:
                await peers.BringUpAsync(cancellationToken).ConfigureAwait(false);
                break;
            case InstallStep.HandOver:
                await peers.HandOverAsync(cancellationToken).ConfigureAwait(false);
                break;
        }
        console.Say($"step {step} done in {clock.Elapsed.TotalSeconds:0.0} s");
        return new InstallEvent.StepDone(step, clock.Elapsed.TotalSeconds);
    }

    private async Task<InstallEvent> ConfirmAsync(InstallContext context, InstallAction.Ask ask, CancellationToken cancellationToken)
    {
        ByteSize size;
        using (var device = BlockDevice.Open(context.Disk, writable: false)) size = new ByteSize(device.Size);
        var wwid = SiteLun.WwidOf(context.Disk);
        if (ask.FinishedSite is not null && await WhoLivesAsync(context, cancellationToken).ConfigureAwait(false) is { Count: > 0 } alive)
        {
            console.Say($"{string.Join(", ", alive)} of site '{ask.FinishedSite}' answer: switch every node off before the site is destroyed");
            return new InstallEvent.Refused();
        }
        var plan = new Plan(context.Site, context.Image, context.Disk, wwid, size, ask.Foreign);
        foreach (var line in plan.Lines()) console.Say(line);
        if (plan.Obstacle() is { } obstacle) throw new FailureException(obstacle);
        var canRestore = ask.Foreign is null && File.Exists(BackupPath);
        if (context.Site.Answers is { Install: true } answers)
        {
            if (canRestore) throw new FailureException("the VL-SITE volume has a backup.tar, and answers: in the site file say that the site is installed anew; take one of the two away");
            if (ask.FinishedSite is not null) throw new FailureException($"the LUN carries {ask.Foreign}, and no answer in a site file destroys a finished site; give the site another LUN, or take install: out of answers: and type the old site's name when asked");
            if (ask.Foreign is not null && (wwid.Length == 0 || answers.OverwriteLun != wwid))
                throw new FailureException($"the LUN with WWID {wwid} carries {ask.Foreign}; to destroy it, write overwriteLun: \"{wwid}\" into answers: of the site file, or give the site another LUN");
            console.Say("the site file says yes");
            return new InstallEvent.Confirmed(Guid.NewGuid());
        }
        var said = await console.AskAsync($"Type 'yes' to carry the plan out, {(canRestore ? "'restore' to bring the site back from backup.tar, " : "")}anything else to stop:", cancellationToken).ConfigureAwait(false);
        if (canRestore && said == "restore")
        {
            await RestoreAsync(context, BackupPath, cancellationToken).ConfigureAwait(false);
            return await InspectAsync(context, cancellationToken).ConfigureAwait(false);
        }
        if (said != "yes") return new InstallEvent.Refused();
        var word = ask.FinishedSite ?? (wwid.Length > 0 ? wwid : $"destroy {context.Disk}");
        var question = ask.FinishedSite is null ? $"Type '{word}' to destroy that" : "Type the name of that site to destroy it with all its data";
        if (ask.Foreign is not null && await console.AskAsync($"The LUN carries {ask.Foreign}. {question}, anything else to stop:", cancellationToken).ConfigureAwait(false) != word) return new InstallEvent.Refused();
        return new InstallEvent.Confirmed(Guid.NewGuid());
    }

    /// <summary>Restores a backup from the installer's shell: network, SAN and medium are as the installer left them.</summary>
    /// <exception cref="FailureException">This is no such shell, the backup is damaged, or something is in its way; nothing was written then.</exception>
    public async Task RestoreAsync(string path, CancellationToken cancellationToken = default)
    {
        if (!IsInstaller) throw new FailureException("the installer's medium is not mounted: a backup is restored from the shell of the installer (virtualinux.shell on its kernel command line), or by the installer itself, which offers it when the VL-SITE volume has it as backup.tar");
        await RestoreAsync(OpenShell(), path, cancellationToken).ConfigureAwait(false);
        console.Say("restart this machine with the same medium: the installation goes on");
    }

    /// <summary>Whether this machine was started from the installer's medium.</summary>
    public static bool IsInstaller => Directory.Exists($"{MediumMount}/virtualinux");

    /// <summary>Looks at a shared block of the site from the installer's shell, where no node is left to do it (<see cref="BlockRepair"/>).</summary>
    /// <exception cref="FailureException">The SAN is not there, or its site is not that of the site file.</exception>
    public async Task<BlockRepair> OpenRepairAsync(CancellationToken cancellationToken = default)
    {
        var context = OpenShell();
        var (_, manifest) = NodeBoot.ReadSite(context.Disk);
        if (manifest.Name != context.Site.Name) throw new FailureException($"site.yaml describes site '{context.Site.Name}', and the LUN carries '{manifest.Name}'; nothing was changed");
        var luns = await SiteLun.AttachAsync(ISanTransport.Of(runner, context.Site.San!), context.Disk, cancellationToken).ConfigureAwait(false);
        return new BlockRepair(runner, [.. luns.Select(l => ISharedDisk.Of(runner, l.Disk))], manifest, context.Self.Cluster.Ip, key: null);
    }

    private InstallContext OpenShell()
    {
        var (image, site) = (SiteImages.ReadInfo($"{MediumMount}/virtualinux"), LoadSite());
        var self = FindSelf(site) ?? throw new FailureException("this machine is not in site.yaml");
        var san = site.San ?? throw new FailureException("site.yaml: no san:; name its portals and target");
        var disk = ISanTransport.Of(runner, san).FindLun() ?? throw new FailureException($"no session to {san.Target}: the SAN is not there");
        return new InstallContext { Runner = runner, Console = console, Site = site, Self = self, Image = image, Medium = $"{MediumMount}/virtualinux", Disk = disk, ChapSecret = ReadSecret(san) };
    }

    private async Task RestoreAsync(InstallContext context, string path, CancellationToken cancellationToken)
    {
        console.Say("reading the backup");
        var backup = await BackupFile.ReadAsync(path, cancellationToken: cancellationToken).ConfigureAwait(false);
        foreach (var line in backup.Lines()) console.Say(line);
        await new SiteRestore(context).RunAsync(path, backup, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A site is destroyed only when none of its machines runs from it.</summary>
    private Task<IReadOnlyList<string>> WhoLivesAsync(InstallContext context, CancellationToken cancellationToken)
    {
        var (_, manifest) = NodeBoot.ReadSite(context.Disk);
        return LiveNodes.FindAsync(runner, manifest.Nodes.Where(n => n.Cluster.Ip != context.Self.Cluster.Ip), cancellationToken);
    }

    private async Task DemoteAsync(InstallContext context, Journal journal, PeerSteps peers, CancellationToken cancellationToken)
    {
        var (state, manifest) = NodeBoot.ReadSite(context.Disk);
        using var certificate = SiteCertificate.FromPem(state.CaCertificate);
        var report = new ClosingReport(journal, manifest, certificate.Fingerprint, context.Self.Name, peers.Up);
        foreach (var line in report.Lines()) console.Say(line);
        if (await report.WriteAsync(runner, SiteMount, cancellationToken).ConfigureAwait(false) is { } reason) console.Say($"the report could not be kept on the VL-SITE volume: {reason}");
        else console.Say($"the VL-SITE volume keeps this report as {ClosingReport.FileName}");
        var isAlone = manifest.Nodes.Count == 1;
        console.Say($"metamaster demoted: this machine {(isAlone ? "starts from this medium as its node now; leave it in" : "boots over the network now")}");
        console.DetachLog();
        await runner.RunAsync(ExternalCommand.Of("sync"), cancellationToken).ConfigureAwait(false);
        foreach (var mount in (string[])[BootMount, SiteMount, MediumMount]) await runner.RunAsync(ExternalCommand.Of("umount", mount).Accepting(), cancellationToken).ConfigureAwait(false);
        // A stick cannot be ejected; left in, it starts this machine as an ordinary node, which in a site of one nobody else does.
        if (!isAlone && File.Exists("/dev/sr0")) await runner.RunAsync(ExternalCommand.Of("eject", "/dev/sr0").Accepting(), cancellationToken).ConfigureAwait(false);
    }

    private async Task StartNodeAsync(InstallContext context, CancellationToken cancellationToken)
    {
        console.Say($"site {context.Site.Name} is finished: this machine starts as its node {context.Self.Name}");
        var (state, manifest) = NodeBoot.ReadSite(context.Disk);
        var node = manifest.FindNode(context.Self.Cluster.Mac) ?? throw new FailureException($"{context.Self.Cluster.Mac} is not in the manifest of site {manifest.Name}: the site file names it, the site does not yet; start this medium without answers: and choose to change the site");
        await new RootAssembly(runner, console.Say).RunAsync(context.Disk, state, manifest, node, "starter", null, cancellationToken).ConfigureAwait(false);
        foreach (var mount in (string[])[BootMount, SiteMount, MediumMount]) await runner.RunAsync(ExternalCommand.Of("umount", mount).Accepting(), cancellationToken).ConfigureAwait(false);
    }

    private static Site LoadSite()
    {
        var path = $"{SiteMount}/site.yaml";
        if (!File.Exists(path)) throw new FailureException("the VL-SITE volume holds no site.yaml; write one and start again");
        var (site, errors) = SiteFile.Load("site.yaml", File.ReadAllText(path), SiteParts.San);
        return site ?? throw new FailureException(string.Join("\n", errors));
    }

    private static string? ReadSecret(SiteSan san, string key = "san")
    {
        if (san.Chap is not { } chap) return null;
        return SecretFile.Read(san, SiteMount) ?? throw new FailureException($"site.yaml: {key}.chap.secretFile: {chap.SecretFile} is not on the VL-SITE volume; put it there");
    }

    private static ManifestNode? FindSelf(Site site)
    {
        var own = NetworkLink.Interfaces().Values.ToHashSet();
        return site.Nodes.Select(ManifestNode.From).FirstOrDefault(n => own.Contains(n.Cluster.Mac));
    }
}

/// <summary>What the initrd does after the metamaster.</summary>
public enum MetamasterOutcome
{
    /// <summary>Reboot: the site is installed, or was moved.</summary>
    Reboot,

    /// <summary>Go on with the root that was put together.</summary>
    Node,
}

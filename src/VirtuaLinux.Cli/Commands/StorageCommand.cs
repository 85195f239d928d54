using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Cluster;
using VirtuaLinux.Host;
using VirtuaLinux.Install;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Cli.Commands;

internal static class StorageCommand
{
    public static Command Create() => new("storage", "The site's volumes on the SAN.") { ShowLedger(), Grow(), Extend(), Repair(), Migrate(), Delete(), Guard(), Shared() };

    private static Command ShowLedger()
    {
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("ledger", "Show every volume: whose it is, how full, when it will be full, and what could be had back.") { json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var storage = NodeStorage.Open(new CommandRunner());
            using var nodes = new SiteNodes();
            var manifest = await storage.ReadManifestAsync(cancellation);
            var ledger = Ledger.Of(await storage.ReadGroupAsync(cancellation), manifest, await nodes.ReadAsync(manifest, cancellation));
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(ledger, StorageJson.Default.Ledger));
            else Show(ledger);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Show(Ledger ledger)
    {
        var table = new Table().AddColumns([new TableColumn("volume"), new TableColumn("kind"), new TableColumn("owner"), new TableColumn("size").RightAligned(), new TableColumn("used").RightAligned(), new TableColumn("root unchanged").RightAligned(), new TableColumn("a day").RightAligned(), new TableColumn("full in").RightAligned(), new TableColumn("could be deleted")]);
        foreach (var v in ledger.Volumes)
            table.AddRow(v.Name, v.Kind, v.Owner, Size(v.Size), v.Used is { } used ? $"{Size(used)} {Percent(used, v.Size)}" : "", v.Unchanged is { } unchanged ? unchanged.ToString("0 %", CultureInfo.InvariantCulture) : "", v.FillPerDay is { } fill ? Size((long)fill) : "", v.DaysUntilFull is { } days ? Days(days) : "", v.Reclaim ?? "");
        Terminal.Output.Write(table);
        Console.WriteLine($"volume group {Size(ledger.Size)}: {Size(ledger.Free)} free, {(ledger.Free >= ledger.Reserve ? $"of which {Size(ledger.Reserve)} are the reserve" : $"all of it from the reserve of {Size(ledger.Reserve)}")}; {Size(ledger.Reclaimable)} could be had back");
        if (ledger.FillPerDay is { } filling) Console.WriteLine($"the stores gain {Size((long)filling)} a day{(ledger.DaysUntilFull is { } left ? $": the reserve is all that is left in {Days(left)}" : "")}");
        Console.WriteLine($"roots: images of {Size(ledger.Images)} and {Size(ledger.Changed)} of changes, for which {Size(ledger.Allocated)} are allocated; copies of the images would take {Size(ledger.Copies)}");
        foreach (var kept in ledger.Kept)
            Console.WriteLine($"{string.Join(", ", kept.Nodes)} keep{(kept.Nodes.Count == 1 ? "s a root" : " roots")} of {kept.Image}{(kept.Bytes is { } bytes ? $" with {Size(bytes)}" : "")}{(kept.ImageBytes > 0 ? $"; 'virtualinux image delete {kept.Image} --with-roots' gives up the way back and frees {Size(kept.ImageBytes)}, and the roots go when their nodes start next" : "")}");
        if (ledger.Silent.Count > 0) Console.WriteLine($"not known of {string.Join(", ", ledger.Silent)}: no answer");
    }

    private static Command Grow()
    {
        var size = new Argument<ByteSize>("size")
        {
            Description = "what it shall have, such as 8GiB",
            CustomParser = result =>
            {
                if (!ByteSize.TryParse(result.Tokens[0].Value, null, out var parsed)) result.AddError($"'{result.Tokens[0].Value}' is not a size; write it as 512MiB or 8GiB");
                return parsed;
            },
        };
        var node = new Option<string>("--node") { Description = "another node that is off; it has the space when it starts" };
        var command = new Command("grow", "Grow this node's exception store while it is in use, or that of a node that is off, from the reserve too if need be.") { size, node };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            var storage = NodeStorage.Open(runner);
            var owner = parsed.GetValue(node) is { } named ? storage.Find(named) : storage.Self;
            var wanted = await CheckedSizeAsync(storage, owner.Name, parsed.GetValue(size), cancellation);
            if (owner == storage.Self) await new GuardService(runner, Console.WriteLine).GrowAsync(storage, new GuardAction.GrowData(wanted), fromReserve: true, cancellation);
            else await GrowOfAsync(storage, owner, wanted, cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Extend()
    {
        var add = new Option<string?>("--add") { Description = "WWID of an empty LUN of the same target that joins the volume group" };
        var yes = new Option<bool>("--yes") { Description = "do not ask" };
        var command = new Command("extend", "Let the volume group have what the array has grown its LUNs by, and a further LUN; all nodes go on running.") { add, yes };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            var extension = new GroupExtension(runner, NodeStorage.Open(runner), Console.Error.WriteLine);
            var steps = await extension.PlanAsync(parsed.GetValue(add), cancellation);
            foreach (var step in steps) Console.WriteLine(step.Line);
            if (steps.Count == 0) Console.WriteLine("nothing to extend: the volume group has all of its LUNs");
            if (parsed.GetValue(add) is null)
                foreach (var (wwid, disk) in await extension.OthersAsync(cancellation)) Console.WriteLine($"not the site's: LUN {wwid} ({disk}); --add {wwid} lets it join if it is empty");
            if (steps.Count == 0) return ExitCode.Done;
            if (!parsed.GetValue(yes))
            {
                Console.Error.WriteLine("Type 'yes' to extend the volume group, anything else to leave it:");
                if (Console.ReadLine()?.Trim() != "yes") throw new FailureException("nothing was changed, as you said");
            }
            var group = await extension.ApplyAsync(parsed.GetValue(add), steps, cancellation);
            Console.WriteLine($"the volume group has {Size(group.PhysicalVolumes.Sum(p => p.Count) * group.ExtentSectors * 512)}, of which {Size(group.FreeExtents * group.ExtentSectors * 512)} are free");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Repair()
    {
        var from = new Option<string>("--from") { Description = "a backup of this site, for the volume group's metadata" };
        var block = new Option<string>("--block") { Description = "a block of the LUN that says who may do what, which is made empty" };
        block.AcceptOnlyFromAmong([.. UnreadableBlock.Names]);
        var off = new Option<bool>("--powered-off") { Description = "with --block: I have seen that all other machines of the site are off; needed where the SAN has no persistent reservations" };
        var yes = new Option<bool>("--yes") { Description = "do not ask" };
        var command = new Command("repair", "Write the volume group's metadata anew where LVM cannot read them any more, over data that are whole, or a block of the LUN that is damaged; on the only node that runs.") { from, block, off, yes };
        command.Validators.Add(result =>
        {
            if (result.GetResult(from) is null == result.GetResult(block) is null) result.AddError($"give either --from BACKUP, or --block and one of {string.Join(", ", UnreadableBlock.Names)}");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            if (parsed.GetValue(block) is { } name)
            {
                await RepairBlockAsync(runner, UnreadableBlock.Find(name)!.Value, parsed.GetValue(off), parsed.GetValue(yes), cancellation);
                return ExitCode.Done;
            }
            var repair = new GroupRepair(runner, NodeStorage.Open(runner));
            var plan = await repair.PlanAsync(parsed.GetValue(from)!, cancellation);
            foreach (var line in plan.Lines()) Console.WriteLine(line);
            if (!parsed.GetValue(yes))
            {
                Console.Error.WriteLine("Type 'yes' to repair the volume group, anything else to leave it:");
                if (Console.ReadLine()?.Trim() != "yes") throw new FailureException("nothing was changed, as you said");
            }
            var group = await repair.ApplyAsync(parsed.GetValue(from)!, plan, cancellation);
            Console.WriteLine($"the volume group can be read again: {group.Volumes.Count} volumes; switch the other nodes on");
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task RepairBlockAsync(CommandRunner runner, SharedBlock block, bool poweredOff, bool yes, CancellationToken cancellation)
    {
        using var console = Metamaster.IsInstaller ? new InstallConsole() : null;
        var repair = console is null ? await BlockRepair.OnNodeAsync(runner, cancellation) : await new Metamaster(new CommandRunner(console.Log), console).OpenRepairAsync(cancellation);
        var plan = await repair.PlanAsync(block, poweredOff, cancellation);
        foreach (var line in plan.Lines()) Console.WriteLine(line);
        if (!yes)
        {
            Console.Error.WriteLine("Type 'yes' to make the block empty, anything else to leave it:");
            if (Console.ReadLine()?.Trim() != "yes") throw new FailureException("nothing was changed, as you said");
        }
        await repair.ApplyAsync(plan, poweredOff, TimeProvider.System.GetUtcNow(), cancellation);
        Console.WriteLine($"{UnreadableBlock.Describe(block)} is empty{(console is null ? "; switch the other nodes on" : "; restart this machine")}");
    }

    private static Command Migrate()
    {
        var file = new Option<string>("--site") { Description = "site file whose san: is the new array and whose formerSan: is the one that the site is on, with the secrets' files beside it", Required = true };
        var command = new Command("migrate", "Check that the site can move to another array, and tell how; the installer's medium then moves it while all nodes are off.") { file };
        command.SetAction(async (parsed, cancellation) =>
        {
            var path = parsed.GetValue(file)!;
            if (SiteInput.Load(path, SiteParts.San) is not { } site) return ExitCode.WrongUsage;
            var runner = new CommandRunner();
            foreach (var line in await new MovePreparation(runner, NodeStorage.Open(runner)).CheckAsync(site, Path.GetDirectoryName(Path.GetFullPath(path))!, cancellation)) Console.WriteLine(line);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>A store is never shrunk, and never larger than it can need to be.</summary>
    private static async Task<ByteSize> CheckedSizeAsync(NodeStorage storage, string node, ByteSize wanted, CancellationToken cancellation)
    {
        var name = NodeVolumes.StoreName(node);
        var group = await storage.ReadGroupAsync(cancellation);
        var volume = group.Find(name) ?? throw new FailureException($"{node} has no volumes yet; they are made when it starts");
        var now = new ByteSize(group.SizeOf(volume));
        if (wanted < now) throw new FailureException($"{name} has {now} already; a store never shrinks, 'fstrim /' gives what is free in it to its other generations");
        var limit = VolumeSizes.LargestStore(storage.Manifest.Volumes.Root);
        if (wanted > limit) throw new FailureException($"{name} may have {limit} at most, twice the root of the site file");
        return wanted;
    }

    /// <summary>Only the volume grows: its pool takes it over at the node's next start. A node that runs unseen maps what it mapped, and grows from there.</summary>
    private static async Task GrowOfAsync(NodeStorage storage, ManifestNode owner, ByteSize wanted, CancellationToken cancellation)
    {
        using var nodes = new SiteNodes();
        if ((await nodes.ReadAsync(storage.Manifest, cancellation)).ContainsKey(owner.Name)) throw new FailureException($"{owner.Name} is running; give the command there, without --node");
        var name = NodeVolumes.StoreName(owner.Name);
        await storage.WithLeaseAsync(
            async lease =>
            {
                await storage.Exclusion.RefuseBorrowedAsync(owner.Cluster.Ip, cancellation);
                await storage.ChangeAsync(lease, g => g.Extend(name, wanted), cancellation);
            },
            cancellation);
        var group = await storage.ReadGroupAsync(cancellation);
        Console.WriteLine($"{name} has {new ByteSize(group.SizeOf(group.Find(name)!)).ToRoundedString()} now; {owner.Name} uses it when it starts");
    }

    private static Command Delete()
    {
        var name = new Argument<string>("volume") { Description = "a volume that the ledger says could be deleted; an image's two volumes go together" };
        var off = new Option<bool>("--powered-off") { Description = "I have seen that no machine that was taken out of the site still runs; needed where the SAN has no persistent reservations" };
        var command = new Command("delete", "Delete a volume that nobody uses.") { name, off };
        command.SetAction(async (parsed, cancellation) =>
        {
            await DeleteAsync(parsed.GetValue(name)!, withRoots: false, parsed.GetValue(off), cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    internal static async Task DeleteAsync(string volume, bool withRoots, bool poweredOff, CancellationToken cancellation)
    {
        var runner = new CommandRunner();
        var storage = NodeStorage.Open(runner);
        using var nodes = new SiteNodes();
        var gone = await new SiteImages(runner, storage, Console.Error.WriteLine).DeleteAsync(volume, nodes.ReadAsync, withRoots, (manifest, status, isImage) => RefuseStrangersAsync(storage, manifest, status, isImage, poweredOff, cancellation), cancellation);
        foreach (var entry in gone) Console.WriteLine($"{entry.Name} deleted, {Size(entry.Size)} free");
    }

    /// <summary>Extents are never used again under somebody who may still write them.</summary>
    internal static async Task RefuseStrangersAsync(NodeStorage storage, Manifest manifest, IReadOnlyDictionary<string, NodeStatus> status, bool isImage, bool poweredOff, CancellationToken cancellation)
    {
        if (storage.Key is null && !poweredOff) throw new FailureException($"{Exclusion.Describe(null)}; see that every machine that was taken out of the site is off, and add --powered-off");
        // Whose node is not in the site any more is not known of a volume by its name.
        await storage.Exclusion.RefuseBorrowedAsync(b => manifest.Nodes.All(n => n.Cluster.Ip != b.Node), cancellation);
        var silent = isImage ? manifest.Nodes.Where(n => !status.ContainsKey(n.Name)).ToList() : [];
        if (storage.Key is null)
        {
            // Nobody can be kept from writing: that such a machine is off is known when somebody noted it.
            var fences = await storage.Exclusion.ReadFencesAsync(cancellation);
            if (silent.FirstOrDefault(n => !fences.Nodes.Contains(n.Cluster.Ip)) is { } unknown) throw new FailureException($"{unknown.Name} does not answer and may use the image: start it, or see that it is off and note that with 'virtualinux node fence {unknown.Name} --powered-off'");
            return;
        }
        var keys = await storage.Lun.ReadKeysAsync(cancellation);
        var strangers = keys.Where(k => manifest.Nodes.All(n => n.Cluster.Ip != k.Node)).ToList();
        if (strangers.Count > 0) throw new FailureException($"{string.Join(", ", strangers.Select(k => k.Node?.ToString() ?? k.ToString()))} is registered with the SAN and not in the site; power it off and shut it out with 'virtualinux node fence ADDRESS'");
        // A node may serve the image, or write it, and only it can tell.
        if (silent.FirstOrDefault(n => keys.Any(k => k.Node == n.Cluster.Ip)) is { } registered) throw new FailureException($"{registered.Name} is registered with the SAN and does not answer: it may use the image; start it, or shut it out with 'virtualinux node fence {registered.Name}'");
    }

    private static Command Guard()
    {
        var command = new Command("guard", "Watch this node's exception store and grow it before it is full; the unit virtualinux-guard.service runs this.");
        command.SetAction(async (_, cancellation) =>
        {
            await new GuardService(new CommandRunner(), Console.Error.WriteLine).RunAsync(cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Shared()
    {
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var serve = new Command("serve", "Serve the shared volume if it falls to this node, and mount what is served; the unit virtualinux-shared.service runs this.");
        serve.SetAction(async (_, cancellation) =>
        {
            using var service = new SharedService(new CommandRunner(), Console.Error.WriteLine);
            await service.RunAsync(cancellation);
            return ExitCode.Done;
        });
        var command = new Command("shared", "Show which node serves the volume that all nodes share.") { json, serve };
        command.SetAction(async (parsed, cancellation) =>
        {
            var status = await SharedService.StatusAsync(NodeStorage.Open(new CommandRunner()), cancellation);
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(status, NodeJson.Default.SharedStatus));
            else Console.WriteLine($"shared {status.Size}: {(status.Holder is { } holder ? $"served by {holder} since {status.Since:u}" : "served by nobody")} on {status.Address}; {(status.IsMounted ? "mounted" : "not mounted")} here on {SharedService.Mount}");
            return ExitCode.Done;
        });
        return command;
    }

    private static string Size(long bytes) => bytes < 0 ? $"-{new ByteSize(-bytes).ToRoundedString()}" : new ByteSize(bytes).ToRoundedString();

    private static string Days(double days) => string.Create(CultureInfo.InvariantCulture, $"{days:0.0} d");

    private static string Percent(long used, long size) => size == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"({100.0 * used / size:0} %)");
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Install;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Cli.Commands;

internal static class NodeCommand
{
    public static Command Create() => new("node", "One node: this one, or one that is named.") { Status(), Reset(), Fence(), Unfence(), Mount(), Unmount(), Replace(), Serve() };

    private static Command Status()
    {
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("status", "Show how this node runs.") { json };
        command.SetAction(parsed =>
        {
            var status = NodeService.Status();
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(status, ModelJson.Default.NodeStatus));
                return ExitCode.Done;
            }
            Console.WriteLine($"{status.Name}: {status.State}, {status.Role}");
            Console.WriteLine($"booted from {status.BootedFrom} ({status.Firmware}), root mounted after {status.RootMountedAfter:0.0} s, up {status.Uptime:0} s");
            Console.WriteLine($"root {status.RootVolume}, image {status.ImageVersion}, manifest {status.ManifestSerial}");
            if (status.Generations is { Count: > 1 } roots) Console.WriteLine($"roots kept: {string.Join(", ", roots)}");
            foreach (var start in status.History ?? []) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {start.Since:u} {start.Image} (manifest {start.ManifestSerial})"));
            if (status.Origin is { } origin) Console.WriteLine($"origin {origin.ToString().ToLowerInvariant()}{(origin == OriginState.Corrupt ? ": a block that was read from the SAN is not what was written; journalctl -k names it" : "")}");
            if (status.Store is { } store)
                Console.WriteLine($"exception store {new ByteSize(store.DataUsed).ToRoundedString()} of {new ByteSize(store.DataSize).ToRoundedString()}{store.Level switch { "low" => ": nearly full, and it cannot grow", "full" => ": FULL, writes wait; 'virtualinux storage ledger' shows what could be deleted, 'virtualinux storage grow' takes from the reserve", "damaged" => ": its metadata is DAMAGED; restart the node", _ => "" }}");
            foreach (var volume in status.Store?.NearlyFull ?? [])
                Console.WriteLine(volume == "local" ? FileSystemGuard.Describe(volume, status.Store!.LocalUsed, status.Store.LocalSize) : FileSystemGuard.Describe(volume, status.Store!.SharedUsed ?? 0, status.Store.SharedSize ?? 1));
            if (status.HostKey is { } key) Console.WriteLine($"SSH host key {key}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Reset()
    {
        var local = new Option<bool>("--with-local") { Description = "empty the local volume too: logs, home directories, databases, and what identifies the node to others" };
        var reboot = new Option<bool>("--reboot") { Description = "restart the node now" };
        var name = new Argument<string?>("name") { Description = "a node that is fenced, when it does not boot; this one unless given", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("reset", "Let a node's root begin anew from the image at its next start; local stays.") { name, local, reboot };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            var storage = NodeStorage.Open(runner);
            if (parsed.GetValue(name) is { } other && other != storage.Self.Name)
            {
                if (parsed.GetValue(reboot)) throw new FailureException($"--reboot is for the node that this runs on; leave it out, and start {other} when it is let in again");
                await new FencedNode(runner, storage, storage.Find(other)).ResetAsync(parsed.GetValue(local), Console.Error.WriteLine, cancellation);
                Console.WriteLine($"{other} begins anew at its next start{(parsed.GetValue(local) ? ", and so does its local volume" : "")}; 'virtualinux node unfence {other}' lets it boot");
                return ExitCode.Done;
            }
            var record = RootRecord.Read() ?? throw new FailureException("this node has no record of its root; it has to boot once more before it can be reset");
            record.Reset(parsed.GetValue(local)).Write();
            if (parsed.GetValue(reboot)) await runner.RunAsync(ExternalCommand.Of("systemctl", "reboot"), cancellation);
            else Console.WriteLine($"{storage.Self.Name}: the next start begins from the image {record.Image}; restart it with 'systemctl reboot'");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Fence()
    {
        var name = new Argument<string>("name") { Description = "the node, or the address of one that is no longer in the site" };
        var off = new Option<bool>("--powered-off") { Description = "I have seen that the node is off; needed where the SAN has no persistent reservations" };
        var command = new Command("fence", "Shut a node out of the SAN: what it still sends is not written, and it does not boot until it is let in again.") { name, off };
        command.SetAction(async (parsed, cancellation) =>
        {
            var storage = NodeStorage.Open(new CommandRunner());
            var (victim, address) = Addressed(storage, parsed.GetValue(name)!);
            if (address == storage.Self.Cluster.Ip) throw new FailureException("this is the node itself; fence it from another one, or power it off");
            if (storage.Key is null && !parsed.GetValue(off)) throw new FailureException($"{Exclusion.Describe(null)}; power {victim} off, see that it is, and add --powered-off");
            var unseen = await storage.AttachVisibleAsync(cancellation);
            var present = storage.Manifest.Nodes.Select(n => n.Cluster.Ip).ToList();
            if (!present.Contains(address) && !await storage.Exclusion.KnowsAsync(address, cancellation)) throw new FailureException($"{address} is no node of site {storage.Manifest.Name}, and no machine is registered with the SAN or fenced under that address; it has {string.Join(", ", storage.Manifest.Nodes.Select(n => $"{n.Name} ({n.Cluster.Ip})"))}");
            await storage.Exclusion.FenceAsync(storage.Key, address, present, cancellation);
            if (unseen.Count > 0) throw new FailureException($"{victim} is shut out of {storage.Luns.Count} LUNs and does not boot, but this node does not see the LUN {string.Join(", ", unseen)}; fence it again from a node that does, or power it off");
            Console.WriteLine($"{victim} is fenced; 'virtualinux node unfence {victim}' lets it boot again");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Unfence()
    {
        var name = new Argument<string>("name") { Description = "the node" };
        var command = new Command("unfence", "Let a node that was fenced boot again.") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            var storage = NodeStorage.Open(new CommandRunner());
            var (node, address) = Addressed(storage, parsed.GetValue(name)!);
            await storage.Exclusion.UnfenceAsync(address, cancellation);
            Console.WriteLine($"{node} may boot");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Mount()
    {
        var name = new Argument<string>("name") { Description = "a node that is fenced" };
        var folder = new Argument<string>("folder") { Description = "where its root is mounted, and its local volume below it" };
        var command = new Command("mount", "Mount the files of a fenced node here: those of a blade that died.") { name, folder };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            var storage = NodeStorage.Open(runner);
            var node = storage.Find(parsed.GetValue(name)!);
            var hasRoot = await new FencedNode(runner, storage, node).MountAsync(parsed.GetValue(folder)!, Console.Error.WriteLine, cancellation);
            Console.WriteLine($"{(hasRoot ? $"{node.Name} is mounted on {parsed.GetValue(folder)}" : $"the local volume of {node.Name} is mounted on {Path.Combine(parsed.GetValue(folder)!, "local")}")}; 'virtualinux node unmount {node.Name}' before it is let in again");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Unmount()
    {
        var name = new Argument<string>("name") { Description = "the node" };
        var command = new Command("unmount", "End what 'node mount' began.") { name };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            var storage = NodeStorage.Open(runner);
            var node = storage.Find(parsed.GetValue(name)!);
            await new FencedNode(runner, storage, node).UnmountAsync(cancellation);
            Console.WriteLine($"{node.Name} is not in use here");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Replace()
    {
        var name = new Argument<string>("name") { Description = "the node" };
        var card = new Argument<string>("MAC") { Description = "MAC address of the new machine's card" };
        var network = new Option<string>("--network") { Description = "the network that the card is on; cluster unless given", DefaultValueFactory = _ => "cluster" };
        var command = new Command("replace", "Let a new machine take a node's place: its root, its data and its addresses. The old machine must be off.") { name, card, network };
        command.SetAction(async (parsed, cancellation) =>
        {
            if (!MacAddress.TryParse(parsed.GetValue(card), null, out var mac)) throw new FailureException($"'{parsed.GetValue(card)}' is not a MAC address; write it as 52:54:00:77:00:01");
            var runner = new CommandRunner();
            var node = await new SiteUpdate(runner, NodeStorage.Open(runner), Console.Error.WriteLine).ReplaceAsync(parsed.GetValue(name)!, parsed.GetValue(network)!, mac, cancellation);
            Console.WriteLine($"{node.Name}: the machine with {mac} takes its place as soon as it starts");
            Console.WriteLine(node.Interfaces.Count == 1 ? $"in the site file, its line is now: - {SiteFileEdit.NodeLine(node.Name, mac, node.Cluster.Ip, node.Slot)}" : $"in the site file, write mac: \"{mac}\" under interfaces: {parsed.GetValue(network)}: of {node.Name}");
            return ExitCode.Done;
        });
        return command;
    }

    private static (string Name, Ipv4Address Address) Addressed(NodeStorage storage, string name) =>
        Ipv4Address.TryParse(name, null, out var address) ? (name, address) : (name, storage.Find(name).Cluster.Ip);

    private static Command Serve()
    {
        var command = new Command("serve", "Serve boot for the other nodes; the unit virtualinux-serve.service runs this.");
        command.SetAction(async (_, cancellation) =>
        {
            var dropping = ImageCommand.DropOutlivedWhenUpAsync(Console.Error.WriteLine, cancellation);
            await NodeService.RunAsync(Console.Error.WriteLine, cancellation);
            await dropping;
            return ExitCode.Done;
        });
        return command;
    }
}

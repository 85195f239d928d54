using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Cluster;
using VirtuaLinux.Host;
using VirtuaLinux.Install;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.NetBoot.Dhcp;
using VirtuaLinux.Node;

namespace VirtuaLinux.Cli.Commands;

internal static class SiteCommand
{
    private static readonly Option<string> FileOption = new("--site") { Description = "site file", Required = true, Recursive = true };

    private static readonly Option<string[]> ServerOption = new("--server") { Description = "address of a boot server to ask, with :PORT where it is not 80", Required = true, Recursive = true };

    public static Command Create()
    {
        var command = new Command("site", "The site file, what it changes on the running site, and the machines that are not in it yet.") { Diff(), Apply(), Discovered(), Accept(), Refuse() };
        command.Options.Add(FileOption);
        return command;
    }

    private static Command Diff()
    {
        var command = new Command("diff", "Show what the site file would change on the running site; run it on a node.");
        command.SetAction(async (parsed, cancellation) =>
        {
            if (SiteInput.Load(parsed.GetValue(FileOption)!, SiteParts.San) is not { } site) return ExitCode.WrongUsage;
            var runner = new CommandRunner();
            var secret = ReadSecret(site, parsed);
            Show(await new SiteUpdate(runner, NodeStorage.Open(runner), Console.Error.WriteLine).PlanAsync(site, secret, cancellation));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Apply()
    {
        var yes = new Option<bool>("--yes") { Description = "do not ask" };
        var reserve = ImageCommand.ReserveOption();
        var untried = new Option<bool>("--untried") { Description = "I have seen that the array knows the new CHAP user and secret; needed where no portal can be asked" };
        var command = new Command("apply", "Bring the running site to what the site file says; run it on a node. Running nodes take it over by themselves.") { yes, reserve, untried };
        command.SetAction(async (parsed, cancellation) =>
        {
            if (SiteInput.Load(parsed.GetValue(FileOption)!, SiteParts.San) is not { } site) return ExitCode.WrongUsage;
            var runner = new CommandRunner();
            var storage = NodeStorage.Open(runner);
            var update = new SiteUpdate(runner, storage, Console.Error.WriteLine);
            var secret = ReadSecret(site, parsed);
            var change = await update.PlanAsync(site, secret, cancellation);
            Show(change);
            if (change.IsEmpty) return ExitCode.Done;
            change.Space?.Require("the change", parsed.GetValue(reserve));
            if (!parsed.GetValue(yes))
            {
                Console.Error.WriteLine("Type 'yes' to change the site, anything else to leave it:");
                if (Console.ReadLine()?.Trim() != "yes") throw new FailureException("nothing was changed, as you said");
            }
            await update.ApplyAsync(site, secret, change, parsed.GetValue(reserve), parsed.GetValue(untried), cancellation);
            Console.WriteLine($"manifest {change.Wanted.Serial} is committed");
            await FollowAsync(change.Wanted, cancellation);
            if (change.ChangesLogin) Console.WriteLine("next: copy the site file and the secret's file onto the VL-SITE volume of every medium that starts this site, restart the nodes one after another, and only then take the older user or secret off the array");
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>The CHAP secret beside the site file, which need not be there: the site keeps its own then. What is compared is said.</summary>
    private static string? ReadSecret(Site site, ParseResult parsed)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(parsed.GetValue(FileOption)!))!;
        if (SecretFile.PathOf(site.San!, folder) is not { } path) return null;
        var secret = SecretFile.Read(site.San!, folder);
        Console.Error.WriteLine(secret is null ? $"the CHAP user is compared, and not the secret: {path} is not there" : $"the CHAP user is compared, and the secret with {path}");
        return secret;
    }

    private static void Show(SiteChange change)
    {
        if (change.IsEmpty) Console.WriteLine($"nothing changes: the site has manifest {change.Current.Serial}, which says the same");
        foreach (var line in change.Lines()) Console.WriteLine(line);
    }

    /// <summary>Tells of each node that runs when it has the manifest; who does not within two minutes is told too, and takes it over when it can.</summary>
    private static async Task FollowAsync(Manifest manifest, CancellationToken cancellation)
    {
        using var nodes = new SiteNodes();
        var end = DateTime.UtcNow.AddMinutes(2);
        var waiting = manifest.Nodes.Select(n => n.Name).ToHashSet();
        while (true)
        {
            var status = await nodes.ReadAsync(manifest, cancellation);
            foreach (var name in waiting.Where(n => status.TryGetValue(n, out var s) && s.ManifestSerial >= manifest.Serial).Order(StringComparer.Ordinal).ToList())
            {
                Console.WriteLine($"{name}: has it");
                waiting.Remove(name);
            }
            // Who is off has it when it boots.
            if (!waiting.Any(status.ContainsKey) || DateTime.UtcNow > end) break;
            await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
        }
        if (waiting.Count > 0) Console.WriteLine($"not yet: {string.Join(", ", waiting.Order(StringComparer.Ordinal))}");
    }

    private static Command Discovered()
    {
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("discovered", "List machines that asked boot servers and are not in the site, with the place that the site's slot rule proposes for each.") { ServerOption, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            if (SiteInput.Load(parsed.GetValue(FileOption)!, SiteParts.None) is not { } site) return ExitCode.WrongUsage;
            var machines = await AskAsync(parsed.GetValue(ServerOption)!, cancellation);
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(machines, NetBootJson.Default.IReadOnlyListDiscoveredMachine));
                return ExitCode.Done;
            }
            var table = new Table().AddColumns("first seen", "MAC address", "UUID", "architecture", "vendor class", "switch port", "proposal");
            foreach (var (machine, slot, name, address, reason) in SlotProposal.For(site, machines))
                table.AddRow([.. new[]
                {
                    machine.FirstSeen.ToString("u", CultureInfo.InvariantCulture), machine.Mac.ToString(), machine.Uuid ?? "", machine.Architecture?.ToString(CultureInfo.InvariantCulture) ?? "",
                    machine.VendorClass ?? "", machine.Port ?? "", name is { } proposed && address is { } ip ? SiteFileEdit.NodeLine(proposed, machine.Mac, ip, slot) : reason,
                }.Select(t => Markup.Escape(t))]);
            Terminal.Output.Write(table);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Accept()
    {
        var macs = new Argument<string[]>("MAC") { Description = "machines to take into the site; all that have a proposal unless given", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("accept", "Write discovered machines into the site file as the slot rule proposes them; a boot server that serves the file takes them over.") { ServerOption, macs };
        command.SetAction(async (parsed, cancellation) =>
        {
            var file = parsed.GetValue(FileOption)!;
            if (SiteInput.Load(file, SiteParts.None) is not { } site) return ExitCode.WrongUsage;
            var wanted = Addresses(parsed.GetValue(macs)!);
            var proposals = SlotProposal.For(site, await AskAsync(parsed.GetValue(ServerOption)!, cancellation)).Where(p => wanted.Count == 0 || wanted.Contains(p.Machine.Mac)).ToList();
            foreach (var mac in wanted.Where(m => proposals.All(p => p.Machine.Mac != m))) throw new FailureException($"{mac} was not discovered; 'virtualinux site discovered' lists those that were");
            if (wanted.Count > 0 && proposals.FirstOrDefault(p => p.Address is null) is { } hopeless) throw new FailureException($"{hopeless.Machine.Mac} has no place: {hopeless.Reason}");
            foreach (var (machine, slot, name, address, _) in proposals.Where(p => p.Address is not null))
            {
                Write(file, text => SiteFileEdit.AddNode(text, name!, machine.Mac, address!.Value, slot), $"write this line under nodes: - {SiteFileEdit.NodeLine(name!, machine.Mac, address!.Value, slot)}");
                Console.WriteLine($"{name} {machine.Mac} {address}");
            }
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Refuse()
    {
        var macs = new Argument<string[]>("MAC") { Description = "machines that get no answer, ever", Arity = ArgumentArity.OneOrMore };
        var command = new Command("refuse", "Write machines into the site file that boot servers never answer.") { macs };
        command.SetAction(parsed =>
        {
            var file = parsed.GetValue(FileOption)!;
            if (SiteInput.Load(file, SiteParts.None) is not { } site) return ExitCode.WrongUsage;
            foreach (var mac in Addresses(parsed.GetValue(macs)!).Except(site.Refused))
                Write(file, text => SiteFileEdit.AddRefused(text, mac), $"write \"{mac}\" into the list refused:");
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Replaces the file as a whole, and only by one that loads.</summary>
    private static void Write(string file, Func<string, string?> edit, string byHand)
    {
        if (edit(File.ReadAllText(file)) is not { } text) throw new FailureException($"{file}: the list is not written one item a line, and is left as it is; {byHand}");
        var (site, errors) = SiteFile.Load(file, text, SiteParts.None);
        if (site is null) throw new InvalidInputException(errors);
        File.WriteAllText(file + ".new", text);
        File.SetUnixFileMode(file + ".new", File.GetUnixFileMode(file));
        File.Move(file + ".new", file, overwrite: true);
    }

    private static List<MacAddress> Addresses(IEnumerable<string> texts) => [.. texts.Select(t => MacAddress.TryParse(t, null, out var mac) ? mac : throw new FailureException($"'{t}' is not a MAC address; write it as 52:54:00:77:00:01"))];

    private static async Task<IReadOnlyList<DiscoveredMachine>> AskAsync(IEnumerable<string> servers, CancellationToken cancellation)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(10) };
        var machines = new Dictionary<MacAddress, DiscoveredMachine>();
        foreach (var server in servers)
        {
            try
            {
                var json = await client.GetByteArrayAsync(new Uri($"http://{server}/discovered.json"), cancellation);
                foreach (var machine in JsonSerializer.Deserialize(json, NetBootJson.Default.IReadOnlyListDiscoveredMachine)!)
                    if (!machines.TryGetValue(machine.Mac, out var known) || machine.FirstSeen < known.FirstSeen) machines[machine.Mac] = machine;
            }
            catch (Exception e) when (e is HttpRequestException or JsonException or UriFormatException)
            {
                throw new FailureException($"{server} does not answer: {e.Message}; name a boot server as ADDRESS or ADDRESS:PORT", e);
            }
        }
        return [.. machines.Values];
    }
}

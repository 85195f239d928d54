using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.Cli.Commands;

internal static class SiteCommand
{
    private static readonly Option<string> FileOption = new("--site") { Description = "site file", Required = true, Recursive = true };

    private static readonly Option<string[]> ServerOption = new("--server") { Description = "address of a boot server to ask, with :PORT where it is not 80", Required = true, Recursive = true };

    public static Command Create()
    {
        var command = new Command("site", "The site file and the machines that are not in it yet.") { Discovered(), Accept(), Refuse() };
        command.Options.Add(FileOption);
        return command;
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

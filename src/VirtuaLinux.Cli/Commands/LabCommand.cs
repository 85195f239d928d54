using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Host;
using VirtuaLinux.Lab;

namespace VirtuaLinux.Cli.Commands;

internal static class LabCommand
{
    private static readonly TimeSpan PowerOffDeadline = TimeSpan.FromMinutes(3);

    private static readonly Option<string> StateOption = new("--state") { Description = "folder of the lab's disks and logs", DefaultValueFactory = _ => "artifacts/lab", Recursive = true };

    public static Command Create()
    {
        var command = new Command("lab", "Emulated machines without disks, a switch and a SAN, in a network namespace of their own.") { Up(), Status(), Power(), Cable(), Console_(), Down(), Watch() };
        command.Options.Add(StateOption);
        return command;
    }

    private static Command Up()
    {
        var name = new Option<string>("--name") { Description = "name of the lab; labs of different names run side by side, each with a --state of its own", DefaultValueFactory = _ => "lab" };
        var nodes = new Option<int>("--nodes") { Description = "number of blades", DefaultValueFactory = _ => 3 };
        var uefi = new Option<int>("--uefi") { Description = "how many of them have UEFI firmware, counted from the last", DefaultValueFactory = _ => 1 };
        var iso = new Option<string?>("--iso") { Description = "installer ISO; the newest below artifacts/images unless given" };
        var stick = new Option<bool>("--usb") { Description = "put the ISO on a USB stick instead of a CD" };
        var san = new Option<SanKind>("--san") { Description = "what stands in for the SAN: tgt, a program on this host, or the kernel's target in a machine of its own: lio, or nvmet for NVMe over TCP", DefaultValueFactory = _ => SanKind.Tgt };
        san.AcceptOnlyFromAmong("tgt", "lio", "nvmet");
        var networks = new Option<int>("--networks") { Description = "networks between blades and SAN, 1 or 2; with 2 every blade has a second card and the SAN a second portal", DefaultValueFactory = _ => 1 };
        var deadline = new Option<int>("--deadline") { Description = "minutes that the cluster may take", DefaultValueFactory = _ => 25 };
        var command = new Command("up", "Start bare machines and install a cluster on them.") { name, nodes, uefi, iso, stick, san, networks, deadline };
        command.SetAction(async (parsed, cancellation) =>
        {
            var state = State(parsed);
            var path = Path.GetFullPath(parsed.GetValue(iso) ?? NewestIso());
            var count = parsed.GetValue(nodes);
            var firmware = Enumerable.Range(0, count).Select(i => i < count - parsed.GetValue(uefi) ? Firmware.Bios : Firmware.Uefi).ToList();
            var options = new LabOptions { StateDirectory = state, Name = parsed.GetValue(name)!, Blades = LabOptions.NumberedBlades(firmware), ProbeKernel = path, SanKind = parsed.GetValue(san), Networks = parsed.GetValue(networks) };
            var lab = await LabInstance.CreateAsync(options, log: Tell, cancellationToken: cancellation);
            await lab.StartWatcherAsync(ExternalCommand.Of(Environment.ProcessPath!, "lab", "watch", "--state", state), cancellation);
            Tell($"lab: {count} blades, emulated by {lab.Accelerator}, SAN at {string.Join(" and ", options.Portals)}");
            var medium = parsed.GetValue(stick) ? Medium.UsbStick(path) : Medium.Cdrom(path);
            var result = await new ClusterInstallation(lab, Tell).RunAsync(medium, new LabSiteOptions(), TimeSpan.FromMinutes(parsed.GetValue(deadline)), cancellation);
            Terminal.Output.Write(Table(result.Nodes));
            var phases = new Table().AddColumns("phase", "time");
            foreach (var phase in result.Phases) phases.AddRow(phase.Name, Seconds(phase.Elapsed));
            Terminal.Output.Write(phases);
            Console.WriteLine(result.Problem is { } problem
                ? $"cluster: {problem.ReplaceLineEndings(" ")}"
                : $"cluster: {result.Nodes.Count}/{count} nodes up, metamaster demoted, {result.Elapsed.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s");
            return result.Problem is null ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static Command Status()
    {
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("status", "Show the blades and what runs on them.") { json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var lab = await LabInstance.OpenAsync(State(parsed));
            var status = await lab.StatusAsync(cancellation);
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(status, LabJson.Default.IReadOnlyListBladeStatus));
            else Terminal.Output.Write(Table(status));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Power()
    {
        var blade = new Argument<string>("BLADE") { Description = "name of the blade" };
        var what = new Argument<string>("ACTION") { Description = "on, off (power button), cut, or reset" };
        what.AcceptOnlyFromAmong("on", "off", "cut", "reset");
        var command = new Command("power", "Switch a blade.") { blade, what };
        command.SetAction(async (parsed, cancellation) =>
        {
            var machine = (await LabInstance.OpenAsync(State(parsed)))[parsed.GetValue(blade)!];
            await (parsed.GetValue(what) switch
            {
                "on" => machine.PowerOnAsync(cancellation),
                "off" => machine.PowerOffAsync(PowerOffDeadline, cancellation),
                "cut" => machine.PowerCutAsync(cancellation),
                _ => machine.ResetAsync(cancellation),
            });
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Cable()
    {
        var blade = new Argument<string>("BLADE") { Description = "name of the blade" };
        var what = new Argument<string>("ACTION") { Description = "pull or plug" };
        what.AcceptOnlyFromAmong("pull", "plug");
        var network = new Option<int>("--network") { Description = "number of the network", DefaultValueFactory = _ => 1 };
        var command = new Command("cable", "Pull a network cable of a blade out, or plug it in again.") { blade, what, network };
        command.SetAction(async (parsed, cancellation) =>
        {
            var (machine, number) = ((await LabInstance.OpenAsync(State(parsed)))[parsed.GetValue(blade)!], parsed.GetValue(network));
            await (parsed.GetValue(what) == "pull" ? machine.PullCableAsync(number, cancellation) : machine.PlugCableAsync(number, cancellation));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Console_()
    {
        var blade = new Argument<string>("BLADE") { Description = "name of the blade" };
        var command = new Command("console", "Join the serial console of a blade; Ctrl-] leaves it.") { blade };
        command.SetAction(async (parsed, cancellation) =>
        {
            await (await LabInstance.OpenAsync(State(parsed)))[parsed.GetValue(blade)!].AttachConsoleAsync(cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Down()
    {
        var command = new Command("down", "End everything that the lab started.");
        command.SetAction(async (parsed, cancellation) =>
        {
            await LabInstance.DownAsync(State(parsed), cancellationToken: cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Watch()
    {
        var command = new Command("watch", "Do what a technician who walks by does: take ejected media out.") { Hidden = true };
        command.SetAction(async (parsed, cancellation) =>
        {
            await (await LabInstance.OpenAsync(State(parsed))).WatchAsync(cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static Table Table(IEnumerable<BladeStatus> blades)
    {
        var table = new Table().AddColumns("name", "power", "state", "firmware", "booted from", "root volume", "image version", "role");
        foreach (var blade in blades)
            table.AddRow(blade.Name, blade.Power.ToString().ToLowerInvariant(), blade.Node?.State ?? "-", blade.Firmware.ToString().ToUpperInvariant(), blade.Node?.BootedFrom ?? "-", blade.Node?.RootVolume ?? "-", blade.Node?.ImageVersion ?? "-", blade.Node?.Role ?? "-");
        return table;
    }

    private static string State(ParseResult parsed) => Path.GetFullPath(parsed.GetValue(StateOption)!);

    internal static string NewestIso() =>
        (Directory.Exists("artifacts/images") ? Directory.EnumerateFiles("artifacts/images", "*.iso", SearchOption.AllDirectories).MaxBy(File.GetLastWriteTimeUtc) : null)
        ?? throw new FailureException("no ISO below artifacts/images; build one with 'virtualinux build debian-13', or name one with --iso");

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.0 s", CultureInfo.InvariantCulture);

    private static void Tell(string line) => Console.Error.WriteLine(line);
}

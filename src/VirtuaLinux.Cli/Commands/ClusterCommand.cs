using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Cluster;
using VirtuaLinux.NetBoot;
using VirtuaLinux.Node;

namespace VirtuaLinux.Cli.Commands;

internal static class ClusterCommand
{
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(1);

    public static Command Create() => new("cluster", "All nodes and services.") { Boots() };

    private static Command Boots()
    {
        var servers = new Option<string[]>("--server") { Description = "address of a boot server to ask, with :PORT where it is not 80; all nodes of the site unless given" };
        var once = new Option<bool>("--once") { Description = "print the table once instead of keeping it up to date" };
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("boots", "Show which machine is at which stage of its boot, and for how long.") { servers, once, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var asked = parsed.GetValue(servers) is { Length: > 0 } given ? given : [.. NodeService.ReadSite().Manifest.Nodes.Select(n => n.Cluster.Ip.ToString())];
            using var boots = new SiteBoots();
            if (parsed.GetValue(json) || parsed.GetValue(once) || Console.IsOutputRedirected)
            {
                var (machines, silent) = await boots.ReadAsync(asked, cancellation);
                if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(machines, NetBootJson.Default.IReadOnlyListMachineBoot));
                else Terminal.Output.Write(Show(machines, silent));
                return silent.Count < asked.Length ? ExitCode.Done : ExitCode.Failed;
            }
            try
            {
                await Terminal.Output.Live(new Table()).StartAsync(async live =>
                {
                    while (true)
                    {
                        var (machines, silent) = await boots.ReadAsync(asked, cancellation);
                        live.UpdateTarget(Show(machines, silent));
                        await Task.Delay(Refresh, cancellation);
                    }
                });
            }
            catch (OperationCanceledException)
            {
                // Ctrl-C is how one leaves it.
            }
            return ExitCode.Done;
        });
        return command;
    }

    private static Table Show(IReadOnlyList<MachineBoot> machines, IReadOnlyList<string> silent)
    {
        var table = new Table().AddColumns([new TableColumn("name"), new TableColumn("address"), new TableColumn("stage"), new TableColumn("for").RightAligned(), new TableColumn("boot began").RightAligned()]);
        foreach (var machine in machines)
            table.AddRow(machine.Name, machine.Address.ToString(), machine.Stage.ToString().ToLowerInvariant(), Time(machine.StageSeconds), $"{Time(machine.BootSeconds)} ago");
        if (machines.Count == 0) table.Caption = new TableTitle("no machine asked yet");
        if (silent.Count > 0) table.Caption = new TableTitle($"no answer from {string.Join(", ", silent)}");
        return table;
    }

    private static string Time(double seconds) => seconds < 100 ? seconds.ToString("0.0 s", CultureInfo.InvariantCulture) : TimeSpan.FromSeconds(seconds).ToString(seconds < 86400 ? @"h\:mm\:ss" : @"d\.hh\:mm\:ss", CultureInfo.InvariantCulture);
}

using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Host;
using VirtuaLinux.Lab.Bench;

namespace VirtuaLinux.Cli.Commands;

internal static class BenchCommand
{
    public static Command Create() => new("bench", "Measure beside peers, in network namespaces of its own.") { NetBoot(), BenchStorageCommand.Create(), TftpLoad_(), Reflect(), BenchStorageCommand.Blade() };

    private static Command NetBoot()
    {
        var output = new Option<string>("--output") { Description = "folder for netboot.json and netboot.svg", DefaultValueFactory = _ => "artifacts/bench" };
        var rounds = new Option<int>("--rounds") { Description = "alternating rounds of TFTP and HTTP, whose medians count", DefaultValueFactory = _ => 3 };
        var only = new Option<string?>("--only") { Description = "dhcp, tftp or http" };
        only.AcceptOnlyFromAmong("dhcp", "tftp", "http");
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("netboot", "DHCP, TFTP and HTTP beside Kea, dnsmasq, tftp-hpa, atftpd and nginx, as far as they are installed.") { output, rounds, only, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var report = await new NetBootBench(Environment.ProcessPath!, new CommandRunner(), Console.Error.WriteLine, parsed.GetValue(rounds), parsed.GetValue(only)).RunAsync(cancellation);
            var folder = Directory.CreateDirectory(parsed.GetValue(output)!).FullName;
            await FinishAsync(report, folder, "netboot", "Network boot services", parsed.GetValue(json), cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command TftpLoad_()
    {
        var server = new Argument<string>("SERVER");
        var file = new Argument<string>("FILE");
        var block = new Argument<int>("BLKSIZE");
        var window = new Argument<int>("WINDOWSIZE");
        var parallel = new Argument<int>("PARALLEL");
        var command = new Command("tftp-load", "Load a file and print bytes and seconds.") { server, file, block, window, parallel };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            var (bytes, seconds) = TftpLoad.Run(IPAddress.Parse(parsed.GetValue(server)!), parsed.GetValue(file)!, parsed.GetValue(block), parsed.GetValue(window), parsed.GetValue(parallel));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{bytes} {seconds}"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Reflect()
    {
        var protocol = new Argument<string>("PROTOCOL");
        var where = new Argument<string>("WHERE");
        var length = new Argument<long>("LENGTH") { DefaultValueFactory = _ => 0 };
        var block = new Argument<int>("BLKSIZE") { DefaultValueFactory = _ => 512 };
        var command = new Command("reflect", "Answer DHCP or TFTP without any logic.") { protocol, where, length, block };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) =>
        {
            if (parsed.GetValue(protocol) == "dhcp") Reflector.RunDhcp(parsed.GetValue(where)!, cancellation);
            else Reflector.RunTftp(IPAddress.Parse(parsed.GetValue(where)!), parsed.GetValue(length), parsed.GetValue(block), cancellation);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    /// <summary>Keeps a report as JSON and as a chart, and prints it.</summary>
    public static async Task FinishAsync(BenchReport report, string folder, string name, string title, bool asJson, CancellationToken cancellation)
    {
        var document = JsonSerializer.Serialize(report, BenchJson.Default.BenchReport);
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.json"), document, cancellation);
        await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.svg"), BenchChart.Render(report, title), cancellation);
        if (asJson) Console.WriteLine(document);
        else Print(report);
    }

    private static void Print(BenchReport report)
    {
        var servers = report.Rows.SelectMany(r => r.Values.Keys).Distinct().ToList();
        var table = new Table().AddColumns([new TableColumn("measurement"), new TableColumn("unit"), .. servers.Select(s => new TableColumn(s).RightAligned()), new TableColumn("ratio").RightAligned(), new TableColumn("goal"), new TableColumn("met")]);
        foreach (var row in report.Rows)
            table.AddRow([Markup.Escape(row.Measure), Markup.Escape(row.Unit), .. servers.Select(row.TextOf), row.Ratio is { } ratio ? ratio.ToString("0.00", CultureInfo.InvariantCulture) : "", Markup.Escape(row.Goal), row.IsMet switch { true => "yes", false => "NO", _ => "" }]);
        Terminal.Output.Write(table);
        foreach (var note in report.Notes) Console.WriteLine(note);
    }
}

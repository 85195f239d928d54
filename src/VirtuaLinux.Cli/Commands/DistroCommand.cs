using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Conformance;
using VirtuaLinux.Install;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.Node.Initrd;

namespace VirtuaLinux.Cli.Commands;

internal static class DistroCommand
{
    public static Command Create() => new("distro", "Distributions that images can be built of: the folders under overlays/.") { List(), New(), Check() };

    private static string Product => Path.GetDirectoryName(ProductFiles.Locate("overlays"))!;

    private static Command List()
    {
        var json = JsonOption();
        var command = new Command("list", "Show all distributions and what each extends.") { json };
        command.SetAction(parsed =>
        {
            var (distributions, errors) = DistributionSummary.List(Path.Combine(Product, "overlays"));
            foreach (var error in errors) Console.Error.WriteLine(error);
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(distributions, ConformanceJson.Readable.IReadOnlyListDistributionSummary));
            else Write(["name", "title", "family", "extends", "package manager"], distributions.Select(d => (string[])[d.Name, d.Title, d.Family?.ToString().ToLowerInvariant() ?? "", d.Extends ?? "", d.PackageManager]));
            return errors.Count == 0 ? ExitCode.Done : ExitCode.WrongUsage;
        });
        return command;
    }

    private static Command New()
    {
        var name = new Argument<string>("NAME") { Description = "the new distribution, such as rocky-10" };
        var like = new Option<string>("--like") { Description = "the distribution that it extends, such as debian-13", Required = true };
        var command = new Command("new", "Begin a distribution that is like another one: overlays/NAME/distribution.yaml and images/NAME.yaml.") { name, like };
        command.SetAction(parsed =>
        {
            foreach (var file in NewDistribution.Create(Product, parsed.GetValue(name)!, parsed.GetValue(like)!)) Console.WriteLine(file);
            Console.Error.WriteLine($"next: write in them what is different, and run 'virtualinux distro check {parsed.GetValue(name)} --static'");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Check()
    {
        var name = new Argument<string>("NAME") { Description = "a distribution, as 'virtualinux distro list' names it" };
        var only = new Option<bool>("--static") { Description = "look at the overlays' files only: no package is fetched and no machine started" };
        var json = JsonOption();
        var command = new Command("check", "Hold a distribution to what nodes need of it; 1 if something is missing.") { name, only, json };
        command.Validators.Add(result =>
        {
            if (!result.GetValue(only)) result.AddError("'distro check' does not build or boot a distribution yet, so that it cannot say whether nodes run with it; add --static for what its files alone tell, and build and boot it with 'virtualinux build' and 'virtualinux lab up'");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            var report = await new StaticCheck(Product, new CommandRunner(), new NodeRendering(), TimeProvider.System).RunAsync(parsed.GetValue(name)!, cancellation);
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(report, ConformanceJson.Readable.ConformanceReport));
            else Write(["", "requirement", "", "evidence"], report.Requirements.Select(r => (string[])[$"{r.Number}", r.Text, r.Passed ? "passed" : "failed", r.Evidence]));
            var failed = report.Requirements.Count(r => !r.Passed);
            return failed == 0 ? ExitCode.Done : throw new FailureException($"{report.Distribution} does not meet {failed} of {report.Requirements.Count} requirements");
        });
        return command;
    }

    private static Option<bool> JsonOption() => new("--json") { Description = "print one JSON document" };

    private static void Write(string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table().AddColumns(columns);
        foreach (var row in rows) table.AddRow([.. row.Select(Markup.Escape)]);
        Terminal.Output.Write(table);
    }

    private sealed class NodeRendering : INodeRendering
    {
        public void RenderFiles(string root, Manifest manifest, ManifestNode node) => NodeFiles.Render(root, NodeFiles.Variables(manifest, node));

        public void RenderBootMenus(Manifest manifest)
        {
            var scripts = new BootScripts(new BootScriptOptions { Manifest = new ManifestSource(manifest), Servers = m => [.. m.Nodes.Select(n => n.Cluster.Ip)], HasSiteArchive = true });
            foreach (var node in manifest.Nodes)
            {
                scripts.Ipxe(node.Cluster.Mac, node.Cluster.Ip, manifest.Nodes[0].Cluster.Ip);
                scripts.Grub(node.Cluster.Ip, manifest.Nodes[0].Cluster.Ip);
            }
            StarterPartition.Menu(manifest);
        }
    }
}

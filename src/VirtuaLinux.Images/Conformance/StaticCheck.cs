using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Packages;
using VirtuaLinux.Images.Stages;
using VirtuaLinux.Images.Tree;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Conformance;

/// <summary>Holds a distribution to what can be known of it without installing a package or starting a machine.</summary>
/// <param name="product">Folder with <c>images</c>, <c>overlays</c> and <c>templates</c>.</param>
/// <param name="runner">Runs gpg.</param>
/// <param name="nodes">Renders what machines render for themselves.</param>
/// <param name="clock">Tells which keys expire soon.</param>
public sealed class StaticCheck(string product, ICommandRunner runner, INodeRendering nodes, TimeProvider clock)
{
    private const int DaysOfKeys = 60;

    private static readonly string[] UnitTypes = [".service", ".socket", ".timer", ".target", ".mount", ".path"];

    private static readonly Manifest[] Sites = [ExampleSites.Small, ExampleSites.Large];

    /// <summary>Looks at everything; what fails is in the report.</summary>
    /// <param name="name">Name of the distribution.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <exception cref="FailureException">There is no such distribution.</exception>
    public async Task<ConformanceReport> RunAsync(string name, CancellationToken cancellationToken = default)
    {
        var overlays = Path.Combine(product, "overlays");
        var known = DefinitionFile.Distributions(overlays);
        if (!known.Contains(name)) throw new FailureException($"there is no distribution '{name}'; there are: {string.Join(", ", known)}");
        var (chain, errors) = OverlayChain.Load(overlays, name);
        (string Text, Func<OverlayChain, Task<Finding>> Look)[] requirements =
        [
            ("the facts are valid and say what the distribution is", c => Task.FromResult(Facts(c))),
            ("the architecture is supported", c => Task.FromResult(new Finding(c.Distribution.Architecture))),
            ("every role has packages, or says what is lacking", c => Task.FromResult(Roles(c))),
            ("every unit has a name that systemd knows, and one state", c => Task.FromResult(Units(c.Distribution))),
            ("files/ and build/ can be applied, and every template of build/ renders", c => Task.FromResult(InRoot(root => Apply(c, root)))),
            ("every template of node/ renders for a site with one node and for one with three", c => Task.FromResult(InRoot(root => NodeTemplates(c, root)))),
            ("the boot menus of medium, network and SAN render for both sites", _ => Task.FromResult(Tried(BootTemplates))),
            ("no link of files/ leads out of the root", c => Task.FromResult(Links(c))),
            ($"the package archive's keys are there, and good for {DaysOfKeys} days more", c => KeysAsync(c.Distribution, cancellationToken)),
            ("bootFiles has a place for every file that is booted from", c => Task.FromResult(Boot(c.Distribution))),
        ];
        var report = new List<Requirement>();
        foreach (var (text, look) in requirements)
        {
            var finding = chain is not null ? await look(chain).ConfigureAwait(false)
                : report.Count == 0 ? new Finding([.. errors.Select(e => e.ToString())])
                : new Finding(["not looked at, since the facts are not valid"]);
            report.Add(new Requirement(report.Count + 1, text, finding.Faults.Count == 0, finding.Faults.Count == 0 ? finding.Evidence : string.Join('\n', finding.Faults)));
        }
        return new ConformanceReport(name, chain?.Distribution.Title ?? "", report);
    }

    private static Finding Facts(OverlayChain chain)
    {
        var facts = chain.Distribution;
        List<string> missing = [];
        if (facts.Title.Length == 0) missing.Add("title, such as Debian 13 \"trixie\"");
        if (facts.Family is null) missing.Add("family: debian, redhat or suse");
        if (facts.Release.Length == 0) missing.Add("release, such as \"13\"");
        return new Finding([.. missing.Select(m => $"{FileOf(chain)} does not say what it is; add {m}")], $"{facts.Title}, over {string.Join(", ", chain.Overlays.SkipLast(1).Reverse().Select(o => Path.GetFileName(o)))}");
    }

    private static Finding Roles(OverlayChain chain)
    {
        var roles = chain.Distribution.Roles;
        var faults = Role.All.Where(r => !roles.TryGetValue(r.Name, out var facts) || facts.Packages.Count == 0 && facts.Lacks.Length == 0)
            .Select(r => $"role '{r.Name}' ({r.Purpose}) has no packages in any overlay of the chain; add packages or lacks in {FileOf(chain)}");
        var lacking = Role.All.Where(r => roles.TryGetValue(r.Name, out var facts) && facts.Lacks.Length > 0).Select(r => $"; {r.Name} is lacking: {roles[r.Name].Lacks}");
        return new Finding([.. faults], $"{Count(roles.Values.Count(r => r.Packages.Count > 0), "role")} with {Count(roles.Values.Sum(r => r.Packages.Count), "package")}{string.Concat(lacking)}");
    }

    private static Finding Units(Distribution facts)
    {
        (string List, string Unit)[] units = [.. facts.Roles.SelectMany(r => (IEnumerable<(string, string)>)[.. r.Value.Enable.Select(u => ("enable", u)), .. r.Value.Disable.Select(u => ("disable", u)), .. r.Value.Mask.Select(u => ("mask", u))])];
        var misnamed = units.Where(u => !UnitTypes.Any(t => u.Unit.Length > t.Length && u.Unit.EndsWith(t, StringComparison.Ordinal)) || u.Unit.Contains('/', StringComparison.Ordinal))
            .Select(u => $"{u.List}: '{u.Unit}' is not the name of a unit; end it with {string.Join(", ", UnitTypes)}");
        var torn = units.GroupBy(u => u.Unit).Where(g => g.Select(u => u.List).Distinct().Count() > 1)
            .Select(g => $"'{g.Key}' is in {string.Join(" and ", g.Select(u => u.List).Distinct())}; leave it in one of them");
        return new Finding([.. misnamed, .. torn], Count(units.Length, "unit"));
    }

    private static Finding Apply(OverlayChain chain, string root)
    {
        foreach (var overlay in chain.Overlays) new Overlay(overlay).Apply(root, TreeStage.Model(chain.Name, chain.Name, "6.0.0-example"));
        return new Finding($"{Count(Templates(chain, "build").Count(), "template")}, {Count(chain.Overlays.SelectMany(o => Overlay.Entries(Path.Combine(o, "files"))).Count(), "file")}");
    }

    private Finding NodeTemplates(OverlayChain chain, string root)
    {
        if (Templates(chain, "node").Where(t => !t.File.EndsWith(Overlay.TemplateExtension, StringComparison.Ordinal)).ToList() is { Count: > 0 } others)
            return new Finding([.. others.Select(o => $"{o.File} is no template, and no node would write it; end its name with {Overlay.TemplateExtension}, or move it to files/")]);
        foreach (var overlay in chain.Overlays) Overlay.CopyTree(Path.Combine(overlay, "node"), root, Overlay.NodeTemplates);
        try
        {
            foreach (var site in Sites)
                foreach (var node in site.Nodes) nodes.RenderFiles(root, site, node);
        }
        catch (FailureException e)
        {
            // What a node renders is a copy; whoever mends it looks for the overlay's.
            var message = Templates(chain, "node").Aggregate(e.Message, (text, template) => text.Replace(Path.Combine(root, Overlay.NodeTemplates, template.Path), template.File, StringComparison.Ordinal));
            return new Finding([message]);
        }
        return new Finding($"{Count(Templates(chain, "node").Count(), "template")} for {Count(Sites.Sum(s => s.Nodes.Count), "node")}");
    }

    private Finding BootTemplates()
    {
        var templates = Path.Combine(product, "templates");
        IsoStage.Menu(Path.Combine(templates, "iso"), "example@1", new ImageDefinition { Version = 1, Distribution = "example" });
        foreach (var site in Sites) nodes.RenderBootMenus(site);
        return new Finding("iso, netboot and starter");
    }

    private static Finding Links(OverlayChain chain)
    {
        var links = chain.Overlays.SelectMany(o => Overlay.Entries(Path.Combine(o, "files"))).Select(e => (e.File, e.Path, Target: new FileInfo(e.File).LinkTarget)).Where(l => l.Target is not null).ToList();
        return new Finding([.. links.Where(l => RootPath.LeavesRoot(l.Path, l.Target!)).Select(l => $"{l.File} leads to {l.Target}, which is above the root; name a place inside it")], Count(links.Count, "link"));
    }

    private async Task<Finding> KeysAsync(Distribution facts, CancellationToken cancellationToken)
    {
        if (facts.Keys.Count == 0) return new Finding($"none is named; {facts.PackageManager} takes those that the build machine trusts");
        List<string> faults = [], sound = [];
        var latest = clock.GetUtcNow() + TimeSpan.FromDays(DaysOfKeys);
        foreach (var file in facts.Keys)
        {
            if (!File.Exists(file))
            {
                faults.Add($"{file} is not there; {ArchiveKeys.Advice(file)}");
                continue;
            }
            try
            {
                var keys = await ArchiveKey.ReadAsync(runner, file, cancellationToken).ConfigureAwait(false);
                if (keys.Count == 0) faults.Add($"{file} has no public key in it; put the archive's key there");
                faults.AddRange(keys.Where(k => k.Expires <= latest).Select(k => $"{file}: key {k.Id} {(k.Expires <= clock.GetUtcNow() ? "expired" : "expires")} on {Day(k.Expires!.Value)}; put the archive's new key there"));
                sound.Add($"{file}: {Count(keys.Count, "key")}, {(keys.Min(k => k.Expires) is { } first ? $"good until {Day(first)}" : "without an end")}");
            }
            catch (FailureException e)
            {
                faults.Add(e is ExternalCommandException { ExitCode: null } ? $"{file} cannot be read without gpg: {e.Message}; apt-get install gpg" : $"{file} is no key file: {e.Message}");
            }
        }
        return new Finding(faults, string.Join('\n', sound));
    }

    private static Finding Boot(Distribution facts) => new([.. BootFiles.Names.Where(n => !facts.BootFiles.ContainsKey(n)).Select(n => $"bootFiles does not say where {n} is; add it")], string.Join(", ", BootFiles.Names));

    private static Finding InRoot(Func<string, Finding> look)
    {
        var root = Directory.CreateTempSubdirectory("virtualinux-check-");
        try
        {
            return Tried(() => look(root.FullName));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    private static Finding Tried(Func<Finding> look)
    {
        try
        {
            return look();
        }
        catch (Exception e) when (e is FailureException or IOException or UnauthorizedAccessException)
        {
            return new Finding([e.Message]);
        }
    }

    private static IEnumerable<(string File, string Path)> Templates(OverlayChain chain, string part) => chain.Overlays.Reverse().SelectMany(o => Overlay.Entries(Path.Combine(o, part)));

    private static string FileOf(OverlayChain chain) => Path.Combine(chain.Overlays[^1], DefinitionFile.FactsName);

    private static string Day(DateTimeOffset time) => time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";

    /// <summary>What is wrong; or, when nothing is, what was seen.</summary>
    private sealed record Finding(IReadOnlyList<string> Faults, string Evidence = "")
    {
        public Finding(string evidence) : this([], evidence)
        {
        }
    }
}

using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Stages;
using VirtuaLinux.Images.Tree;
using VirtuaLinux.Model.Yaml;

namespace VirtuaLinux.Images.Packages;

/// <summary>The CentOS family, by dnf(8): every package is downloaded and its signature checked before the first is installed.</summary>
/// <param name="distribution">What to install.</param>
/// <param name="templates">The folder <c>templates/packages</c>.</param>
internal sealed class Dnf(Distribution distribution, string templates) : PackageManager
{
    /// <summary>rpm's database, until the root's own rpm says where it looks for it.</summary>
    private const string Database = "usr/lib/sysimage/rpm";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(60);

    /// <summary>What installation leaves behind, with dates and in no fixed order. Without dnf's history nothing is known of why a package is there, so that the root's dnf removes none by itself.</summary>
    private static readonly string[] Traces = ["var/lib/dnf", "var/cache/dnf", "var/log/dnf.log", "var/log/dnf.librepo.log", "var/log/dnf.rpm.log", "var/log/hawkey.log"];

    private static readonly string[] Parts = ["dnf.conf.sbn", "rpmmacros.sbn", "in-root", "unpack-rpms"];

    public override IReadOnlyList<(string Program, string Package)> Programs => [("dnf", "dnf"), ("rpm", "rpm"), ("rpm2archive", "rpm2cpio"), ("sqlite3", "sqlite3"), ("gpg", "gpg"), ("tar", "tar"), ("unshare", "util-linux")];

    public override IPackageFormat Format { get; } = new RpmPackages();

    public override string Release => distribution.Release;

    public override IReadOnlyList<string> Components => [.. distribution.Repositories.Select(r => r.Name)];

    public override StageKey AddTo(StageKey key)
    {
        ArchiveKeys.Check(distribution.Keys);
        foreach (var file in distribution.Keys) key.AddFile("archive key", file);
        foreach (var part in Parts) key.AddFile(part, Path.Combine(templates, part));
        return key
            .Add("release", distribution.Release)
            .Add("repositories", distribution.Repositories.Select(r => $"{r.Name} {r.BaseUrl} {r.SignedMetadata}"))
            .Add("packages", distribution.Packages.Order(StringComparer.Ordinal))
            .Add("boot packages", distribution.BootPackages.Order(StringComparer.Ordinal))
            .Add("path exclude", distribution.PathExclude);
    }

    public override async Task InstallAsync(StageWork work, ImageBuildOptions options)
    {
        foreach (var folder in (string[])["proc", "sys", "dev"]) Directory.CreateDirectory(work.At($"root/{folder}"));
        foreach (var folder in (string[])["proc", "sys"]) File.SetUnixFileMode(work.At($"root/{folder}"), (UnixFileMode)Convert.ToInt32("555", 8));
        Configure(work, options.Mirror);
        foreach (var key in distribution.Keys)
        {
            // The database has the date of an import; any other than the key's own would differ from build to build.
            var made = await RpmKeys.CheckAsync(work, key).ConfigureAwait(false);
            await work.RunAsync(At(made, Rpm(work, "rpmkeys", "--root", work.At("root"), "--import", key))).ConfigureAwait(false);
        }

        var packages = await DownloadAsync(work, "rpms", distribution.Packages).ConfigureAwait(false);
        // Without a date of the vendor's own, all packages count as installed when the newest of them was built.
        var epoch = options.SourceDateEpoch ?? packages.Max(p => p.Built);
        work.Say($"installing {packages.Count} packages");
        await DnfAsync(work, line => { if (line.Contains("scriptlet", StringComparison.OrdinalIgnoreCase)) work.Warn(line.Trim()); },
            c => At(epoch, c.With("--disablerepo=*", "install").With([.. packages.Select(p => p.File)]))).ConfigureAwait(false);

        List<RpmFile> boot = [];
        if (distribution.BootPackages.Count > 0)
        {
            boot = await DownloadAsync(work, "boot-rpms", distribution.BootPackages).ConfigureAwait(false);
            work.Say($"unpacking {boot.Count} boot packages");
        }
        await work.RunAsync(ExternalCommand.Of("sh", Path.Combine(templates, "unpack-rpms"), work.At("boot")).With([.. boot.Select(p => p.File)])).ConfigureAwait(false);

        var installed = await InstalledAsync(work).ConfigureAwait(false);
        await File.WriteAllTextAsync(work.At(InventoryStage.Available), RpmPackages.Write(installed, packages, boot)).ConfigureAwait(false);
        await File.WriteAllLinesAsync(work.At("packages"), installed.Select(p => $"{p.Name} {p.Version}").Concat(boot.Select(p => $"boot {p.Name.Name} {p.Name.Version}")).Order(StringComparer.Ordinal)).ConfigureAwait(false);
        await FinishDatabaseAsync(work).ConfigureAwait(false);
        Tidy(work);
    }

    /// <summary>rpm has macros, and dnf a configuration, of this stage alone: rpm reads the file in the home directory last.</summary>
    private void Configure(StageWork work, string? mirror)
    {
        void Render(string template, string target, Dictionary<string, object?> model)
        {
            var file = Path.Combine(templates, template);
            File.WriteAllText(work.At(target), TemplateRenderer.Render(file, File.ReadAllText(file), model));
        }
        Directory.CreateDirectory(work.At("home"));
        Render("rpmmacros.sbn", "home/.rpmmacros", new()
        {
            ["database"] = Database,
            ["exclude"] = distribution.PathExclude.Select(p => RpmMacros.NetSharedPath(p) ?? throw new FailureException($"distribution.yaml: pathExclude: '{p}': rpm leaves out whole folders and single files only; write it as /usr/share/man/* or without wildcards")).ToList(),
        });
        Render("dnf.conf.sbn", "dnf.conf", new()
        {
            // Of module streams only those of this release are looked at; a root that is still empty does not say which it is.
            ["platform"] = distribution.Release.Split('.')[0] is var major && major.Length > 0 && major.All(char.IsAsciiDigit) ? $"platform:el{major}" : "",
            ["keys"] = distribution.Keys.Select(k => new Uri(k).AbsoluteUri).ToList(),
            ["repositories"] = distribution.Repositories.Select(r => new Dictionary<string, object?> { ["name"] = r.Name, ["url"] = Mirrored(r.BaseUrl, mirror), ["signed"] = r.SignedMetadata }).ToList(),
        });
    }

    /// <summary>A mirror stands for the scheme and host of every repository, and has the same folders below.</summary>
    internal static string Mirrored(string baseUrl, string? mirror)
    {
        if (mirror is null) return baseUrl;
        var path = baseUrl.IndexOf('/', baseUrl.IndexOf("://", StringComparison.Ordinal) + 3);
        return mirror.TrimEnd('/') + (path < 0 ? "" : baseUrl[path..]);
    }

    /// <summary>Downloads packages with all that they depend on and the root does not have, and has each held against the keys.</summary>
    private async Task<List<RpmFile>> DownloadAsync(StageWork work, string folder, IReadOnlyList<string> names)
    {
        work.Say($"downloading {(folder == "rpms" ? "packages" : "boot packages")}");
        var target = Directory.CreateDirectory(work.At(folder)).FullName;
        await DnfAsync(work, _ => { }, c => c.With("install", "--downloadonly", "--destdir", target).With([.. names.Order(StringComparer.Ordinal)])).ConfigureAwait(false);
        string[] files = [.. Directory.GetFiles(target, "*.rpm").Order(StringComparer.Ordinal)];
        if (files.Length == 0) return [];
        var headers = await work.RunAsync(Rpm(work, "rpm", "--query", "--nosignature", "--queryformat", RpmFile.Format, "--package").With(files)).ConfigureAwait(false);
        return RpmFile.Read(headers.Output, files);
    }

    private static async Task<List<RpmName>> InstalledAsync(StageWork work)
    {
        var list = await work.RunAsync(Rpm(work, "rpm", "--root", work.At("root"), "--query", "--all", "--queryformat", RpmName.Format + "\\n")).ConfigureAwait(false);
        // The keys are in the same list.
        return [.. list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(RpmName.Parse).Where(p => p.Name != "gpg-pubkey")];
    }

    /// <summary>Puts the database where the distribution's own rpm, by its macros, looks for it.</summary>
    private static async Task FinishDatabaseAsync(StageWork work)
    {
        // The journal beside it differs from run to run; rpm makes a new one when it writes again.
        await work.RunAsync(ExternalCommand.Of("sqlite3", work.At($"root/{Database}/rpmdb.sqlite"), "PRAGMA journal_mode=DELETE")).ConfigureAwait(false);
        var macros = work.At("root/usr/lib/rpm/macros");
        if (!File.Exists(macros)) return;
        var said = await work.RunAsync(Rpm(work, "rpm", "--macros", $"{macros}:{macros}.d/macros.*", "--eval", "%{_dbpath}")).ConfigureAwait(false);
        var path = RootPath.Resolve(work.At("root"), said.Output.Trim());
        if (path == RootPath.Resolve(work.At("root"), Database)) return;
        Directory.CreateDirectory(work.At($"root/{path}"));
        foreach (var file in Directory.GetFiles(work.At($"root/{Database}"))) File.Move(file, work.At($"root/{path}/{Path.GetFileName(file)}"), overwrite: true);
        Directory.Delete(work.At($"root/{Database}"));
    }

    private static void Tidy(StageWork work)
    {
        foreach (var trace in Traces.Select(t => work.At($"root/{t}")))
        {
            if (Directory.Exists(trace)) Directory.Delete(trace, recursive: true);
            else File.Delete(trace);
        }
        foreach (var folder in (string[])["home", "rpms", "boot-rpms"])
            if (Directory.Exists(work.At(folder))) Directory.Delete(work.At(folder), recursive: true);
        File.Delete(work.At("dnf.conf"));
    }

    /// <summary>Runs dnf in namespaces of its own, so that nothing stays mounted or running whatever happens.</summary>
    private async Task<CommandResult> DnfAsync(StageWork work, Action<string> onLine, Func<ExternalCommand, ExternalCommand> complete)
    {
        var root = work.At("root");
        List<string> lines = [];
        var call = ExternalCommand.Of("unshare", "--mount", "--mount-proc", "--pid", "--ipc", "--fork", "--kill-child",
            "sh", Path.Combine(templates, "in-root"), root,
            "dnf", "--config", work.At("dnf.conf"), "--installroot", root, "--releasever", distribution.Release);
        try
        {
            return await work.RunAsync(InHome(work, complete(call)).WithTimeout(Longest).WithLines(line =>
            {
                lines.Add(line);
                onLine(line);
                if (DnfMessage.Progress(line) is { } said) work.Say(said);
            })).ConfigureAwait(false);
        }
        catch (ExternalCommandException e) when (e.ExitCode is not null && !e.Message.Contains("No space left", StringComparison.OrdinalIgnoreCase))
        {
            var missing = DnfMessage.Missing(lines);
            var message = missing.Count > 0 ? await MissingAsync(work, missing).ConfigureAwait(false) : DnfMessage.Explain(lines) ?? $"{e.Message}; check the network and the names of packages in distribution.yaml, or name another package archive";
            throw new FailureException($"the packages could not be installed: {message}", e);
        }
    }

    private async Task<string> MissingAsync(StageWork work, IReadOnlyList<string> missing)
    {
        var list = await DnfAsync(work, _ => { }, c => c.With("--quiet", "repoquery", "--available", "--queryformat", "%{name}")).ConfigureAwait(false);
        var known = list.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var named = missing.Select(m => $"there is no package '{m}' in {string.Join(", ", Components)}{(NearMiss.Of(m, known) is { } meant ? $" (did you mean '{meant}'?)" : "")}");
        return $"{string.Join("; ", named)}; correct the names of packages in distribution.yaml, or add the repository that has it";
    }

    private static ExternalCommand Rpm(StageWork work, string program, params IReadOnlyList<string> arguments) => InHome(work, ExternalCommand.Of(program, arguments));

    /// <summary>rpm takes this for the present (its 4.18 and later do), and counts packages up from it.</summary>
    private static ExternalCommand At(long epoch, ExternalCommand command) => command.WithEnvironment("SOURCE_DATE_EPOCH", epoch.ToString(CultureInfo.InvariantCulture));

    private static ExternalCommand InHome(StageWork work, ExternalCommand command) => command
        .WithEnvironment("HOME", work.At("home"))
        .WithEnvironment("XDG_CONFIG_HOME", null)
        .WithEnvironment("LC_ALL", "C.UTF-8")
        .WithEnvironment("SYSTEMD_OFFLINE", "1");
}

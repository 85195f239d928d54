using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Stages;

namespace VirtuaLinux.Images.Packages;

/// <summary>Debian and its relatives, by mmdebstrap(1).</summary>
internal sealed class Mmdebstrap(Distribution distribution, string bootPackagesHook) : PackageManager
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(30);

    /// <summary>Keeps what the archive says of each package before mmdebstrap removes apt's lists. Nothing in the root changes by it, so that it is not in the stage's key.</summary>
    private const string AvailableHook = $"APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= dumpavail > \"$1/{InventoryStage.Available}\"";

    public override IReadOnlyList<(string Program, string Package)> Programs => [("mmdebstrap", "mmdebstrap"), ("apt-get", "apt"), ("dpkg-deb", "dpkg")];

    public override IPackageFormat Format { get; } = new DebPackages();

    public override string Release => distribution.Suite;

    public override IReadOnlyList<string> Components => distribution.Components;

    public override StageKey AddTo(StageKey key)
    {
        ArchiveKeys.Check(distribution.Keys);
        foreach (var file in distribution.Keys) key.AddFile("archive key", file);
        if (distribution.Pockets.Count > 0) key.Add("pockets", distribution.Pockets);
        return key
            .Add("suite", distribution.Suite)
            .Add("components", distribution.Components)
            .Add("packages", distribution.Packages.Order(StringComparer.Ordinal))
            .Add("boot packages", distribution.BootPackages.Order(StringComparer.Ordinal))
            .Add("path exclude", distribution.PathExclude)
            .Add("path include", distribution.PathInclude)
            .AddFile("hook", bootPackagesHook);
    }

    public override async Task InstallAsync(StageWork work, ImageBuildOptions options)
    {
        var root = work.At("root");
        var keys = distribution.Keys.Count == 0 ? null : ArchiveKeys.Collect(distribution.Keys, work.At("keys"));
        // apt's first error is the cause; those after it are its consequences.
        string? cause = null;
        var call = ExternalCommand.Of("mmdebstrap",
                "--mode=root", "--format=directory", "--variant=minbase",
                $"--components={string.Join(',', distribution.Components)}",
                "--aptopt=APT::Install-Recommends \"false\"",
                "--aptopt=Acquire::Retries \"3\"",
                $"--include={string.Join(',', distribution.Packages)}")
            .With([.. distribution.PathExclude.Select(p => $"--dpkgopt=path-exclude={p}")])
            .With([.. distribution.PathInclude.Select(p => $"--dpkgopt=path-include={p}")])
            .With(keys is null ? [] : [$"--keyring={keys}"])
            .With($"--customize-hook={bootPackagesHook}", $"--customize-hook={AvailableHook}", distribution.Suite, root)
            .WithEnvironment("VIRTUALINUX_BOOT_PACKAGES", string.Join(' ', distribution.BootPackages))
            .WithEnvironment("SOURCE_DATE_EPOCH", options.SourceDateEpoch?.ToString(CultureInfo.InvariantCulture))
            .WithEnvironment("TMPDIR", work.Folder)
            .WithTimeout(Longest)
            .WithLines(line =>
            {
                if (line.StartsWith("E: ", StringComparison.Ordinal)) Interlocked.CompareExchange(ref cause, line[3..].Trim(), null);
                Tell(work, line);
            });
        if (options.Mirror is { } mirror) call = call.With(mirror).With([.. distribution.Pockets.Select(p => $"deb {mirror} {distribution.Suite}-{p} {string.Join(' ', distribution.Components)}")]);
        try
        {
            await work.RunAsync(call).ConfigureAwait(false);
        }
        catch (ExternalCommandException e) when (e.ExitCode is not null && !e.Message.Contains("No space left", StringComparison.OrdinalIgnoreCase))
        {
            throw new FailureException($"the packages could not be installed: {cause ?? e.Message}; check the network and the names of packages in distribution.yaml, or name another package archive", e);
        }
        if (keys is not null) Directory.Delete(keys, recursive: true);
        Directory.Move(Path.Combine(root, "boot-packages"), work.At("boot"));
        var available = Path.Combine(root, InventoryStage.Available);
        await InstalledPackage.SelectAsync(root, work.At("boot"), [available], work.At(InventoryStage.Available)).ConfigureAwait(false);
        File.Delete(available);
        var lines = Installed(Path.Combine(root, "var/lib/dpkg/status")).Concat(File.ReadLines(work.At("boot/packages")).Select(l => $"boot {l.Replace('\t', ' ')}"));
        await File.WriteAllLinesAsync(work.At("packages"), lines.Order(StringComparer.Ordinal)).ConfigureAwait(false);
    }

    private static void Tell(StageWork work, string line)
    {
        if (line.StartsWith("I: ", StringComparison.Ordinal)) work.Say(line[3..]);
        if (line.StartsWith("Get:", StringComparison.Ordinal)) work.Say(line);
    }

    private static IEnumerable<string> Installed(string status)
    {
        var package = "";
        foreach (var line in File.ReadLines(status))
        {
            if (line.StartsWith("Package: ", StringComparison.Ordinal)) package = line[9..];
            if (line.StartsWith("Version: ", StringComparison.Ordinal)) yield return $"{package} {line[9..]}";
        }
    }
}

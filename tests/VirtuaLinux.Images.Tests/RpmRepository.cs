using System.Text;
using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Tests;

/// <summary>A repository of small RPM packages, made and signed by the real rpmbuild(8), gpg(1) and createrepo_c(8).</summary>
public sealed class RpmRepository : IDisposable
{
    /// <summary>When all packages were built: seconds since 1970.</summary>
    public const long Built = 1_780_000_000;

    private readonly TemporaryFolder folder = new();
    private readonly CommandRunner runner = new();

    public RpmRepository()
    {
        // A socket's path may have 107 bytes, and gpg-agent's is in here.
        Directory.CreateDirectory(folder.At("gpg"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(folder.At("repository"));
    }

    /// <summary>The repository's folder.</summary>
    public string Path => folder.At("repository");

    public string Url => $"file://{Path}";

    /// <summary>Another repository with the same packages and keys, to be changed.</summary>
    public async Task<RpmRepository> CopyAsync()
    {
        var copy = new RpmRepository();
        // Not the agent's sockets.
        foreach (var part in (string[])["gpg/private-keys-v1.d", "gpg/pubring.kbx", "gpg/trustdb.gpg", "repository"])
            await runner.RunAsync(ExternalCommand.Of("cp", "-a", folder.At(part), System.IO.Path.GetDirectoryName(copy.folder.At(part))!));
        return copy;
    }

    /// <summary>Makes a key and returns the file with its public part.</summary>
    /// <param name="name">Name of its owner.</param>
    /// <param name="arguments">More arguments for gpg, such as a made-up date.</param>
    /// <param name="expires">When it expires, as gpg reads it.</param>
    public async Task<string> AddKeyAsync(string name, string expires = "never", params string[] arguments)
    {
        await GpgAsync([.. arguments, "--passphrase", "", "--quick-generate-key", name, "rsa2048", "sign", expires]);
        var exported = await GpgAsync("--armor", "--export", $"={name}");
        return folder.Write($"keys/{name}.asc", exported.Output);
    }

    /// <summary>Builds a package.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="files">Its files by absolute path; a text that starts with <c>-> </c> makes a link.</param>
    /// <param name="tags">More lines of the specification's head, such as <c>Requires: other</c>.</param>
    /// <param name="scripts">Scripts, as the specification has them.</param>
    /// <param name="key">Name of the key that signs it; null for none.</param>
    /// <param name="signing">More arguments for gpg.</param>
    /// <returns>Its file.</returns>
    public async Task<string> AddAsync(string name, IReadOnlyDictionary<string, string> files, string tags = "", string scripts = "", string? key = "vendor", string signing = "")
    {
        var tree = folder.At($"trees/{name}");
        if (Directory.Exists(tree)) Directory.Delete(tree, recursive: true);
        Directory.CreateDirectory(tree);
        foreach (var (path, text) in files)
        {
            var file = tree + path;
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
            if (text.StartsWith("-> ", StringComparison.Ordinal)) File.CreateSymbolicLink(file, text[3..]);
            else File.WriteAllText(file, text);
        }
        return await AddTreeAsync(name, tree, files.Keys, tags, scripts, key, signing);
    }

    /// <summary>Builds a package of what is in a folder.</summary>
    public async Task<string> AddTreeAsync(string name, string tree, IEnumerable<string> paths, string tags = "", string scripts = "", string? key = "vendor", string signing = "")
    {
        var spec = new StringBuilder($"Name: {name}\n").Append(tags).Append('\n');
        foreach (var (tag, value) in (ReadOnlySpan<(string, string)>)[("Version", "1.0"), ("Release", "1.el10"), ("License", "MIT"), ("Summary", "Test"), ("BuildArch", "noarch")])
            if (!$"\n{tags}".Contains($"\n{tag}:", StringComparison.Ordinal)) spec.Append(tag).Append(": ").Append(value).Append('\n');
        spec.Append("AutoReqProv: no\n%description\nTest\n%install\ncp -a ").Append(tree).Append("/. %{buildroot}\n").Append(scripts).Append("\n%files\n");
        foreach (var path in paths) spec.Append('"').Append(path).Append("\"\n");
        var file = folder.Write($"specs/{name}.spec", spec.ToString());
        var output = folder.At($"built/{name}");
        await runner.RunAsync(InHome(ExternalCommand.Of("rpmbuild", "-bb", "--quiet",
            "--define", $"_topdir {folder.At("build")}", "--define", $"_rpmdir {output}", "--define", "_rpmfilename %{NAME}.rpm",
            "--define", "_buildhost test", "--define", "use_source_date_epoch_as_buildtime 1", "--define", "clamp_mtime_to_source_date_epoch 1",
            "--define", "__os_install_post %{nil}", "--define", "_build_id_links none", "--define", "debug_package %{nil}", "--target", tags.Contains("BuildArch: x86_64", StringComparison.Ordinal) ? "x86_64" : "noarch", file)));
        var built = System.IO.Path.Combine(output, $"{name}.rpm");
        if (key is not null)
            await runner.RunAsync(InHome(ExternalCommand.Of("rpmsign", "--addsign", "--define", "__gpg /usr/bin/gpg", "--define", $"_gpg_path {folder.At("gpg")}", "--define", $"_gpg_name ={key}", "--define", $"_gpg_sign_cmd_extra_args --batch --pinentry-mode loopback --passphrase '' {signing}", built)));
        var target = System.IO.Path.Combine(Path, $"{name}.rpm");
        File.Copy(built, target, overwrite: true);
        return target;
    }

    /// <summary>Writes the repository's metadata and signs it; with no key it stays unsigned.</summary>
    public async Task PublishAsync(string? key = "vendor", params string[] signing)
    {
        await runner.RunAsync(ExternalCommand.Of("createrepo_c", "--quiet", "--no-database", Path));
        File.Delete(System.IO.Path.Combine(Path, "repodata/repomd.xml.asc"));
        if (key is not null) await GpgAsync([.. signing, "--local-user", $"={key}", "--armor", "--detach-sign", System.IO.Path.Combine(Path, "repodata/repomd.xml")]);
    }

    public void Dispose()
    {
        runner.RunAsync(ExternalCommand.Of("gpgconf", "--homedir", folder.At("gpg"), "--kill", "gpg-agent")).GetAwaiter().GetResult();
        folder.Dispose();
    }

    private Task<CommandResult> GpgAsync(params string[] arguments) => runner.RunAsync(ExternalCommand.Of("gpg", "--homedir", folder.At("gpg"), "--batch", "--yes", "--pinentry-mode", "loopback").With(arguments));

    private ExternalCommand InHome(ExternalCommand command) => command.WithEnvironment("HOME", folder.Path).WithEnvironment("LC_ALL", "C.UTF-8").WithEnvironment("SOURCE_DATE_EPOCH", $"{Built}");
}

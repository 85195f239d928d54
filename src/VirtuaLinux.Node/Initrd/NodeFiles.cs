using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Initrd;

/// <summary>Writes the files that differ from node to node, from the templates inside the image: no server renders anything per node.</summary>
public static class NodeFiles
{
    private const string Templates = "usr/share/virtualinux/node";

    /// <summary>Names what was rendered, below the root.</summary>
    private const string RenderedList = "var/lib/virtualinux/rendered";


    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // In a template's path, each of these stands for one file an item: the marker is the item's name, and the template knows the item.
    private static readonly (string Marker, string Variable, string Name)[] Repeated = [("{network}", "interface", "network"), ("{user}", "user", "name")];

    /// <summary>What the templates know.</summary>
    /// <param name="manifest">The site.</param>
    /// <param name="node">The node.</param>
    public static Dictionary<string, object?> Variables(Manifest manifest, ManifestNode node)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(node);
        return new Dictionary<string, object?>
        {
            ["site"] = new Dictionary<string, object?> { ["name"] = manifest.Name, ["id"] = manifest.SiteId.ToString(), ["image"] = manifest.ImageOf(node).ToString() },
            ["node"] = Describe(manifest, node),
            ["nodes"] = manifest.Nodes.Select(n => (object)Describe(manifest, n)).ToList(),
            ["networks"] = manifest.Networks.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => (object)new Dictionary<string, object?> { ["name"] = n.Key, ["subnet"] = n.Value.Subnet.ToString(), ["domain"] = n.Value.Domain }).ToList(),
            ["domain"] = manifest.ClusterNetwork.Domain ?? "",
            ["gateway"] = manifest.ClusterNetwork.Gateway?.ToString() ?? "",
            ["initiator"] = IscsiInitiator.NameOf(manifest.Name, node.Name, node.Cluster.Mac),
            ["shared"] = manifest.SharedAddress?.ToString() ?? "",
            ["users"] = manifest.Access.Select(a => (object)new Dictionary<string, object?> { ["name"] = a.User, ["keys"] = a.SshKeys }).ToList(),
        };
    }

    /// <summary>Renders every template of the image below <paramref name="root"/>; a file keeps the mode of its template. Files of accounts and networks that the site no longer has are removed.</summary>
    /// <exception cref="FailureException">A template has an error, with file and line.</exception>
    public static void Render(string root, IReadOnlyDictionary<string, object?> variables)
    {
        ArgumentNullException.ThrowIfNull(variables);
        var folder = Path.Combine(root, Templates);
        if (!Directory.Exists(folder)) throw new FailureException($"{folder} is missing: the image was not built for a node");
        List<string> rendered = [];
        foreach (var template in Directory.EnumerateFiles(folder, "*.sbn", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var text = File.ReadAllText(template);
            foreach (var (target, own) in Targets(Path.GetRelativePath(folder, template)[..^".sbn".Length], variables))
            {
                Write(Path.Combine(root, target), TemplateRenderer.Render(template, text, own), File.GetUnixFileMode(template));
                rendered.Add(target);
            }
        }
        RemoveFormer(root, rendered);
    }

    /// <summary>Gives the root what lives on <c>local</c>: the machine's identity (machine-id(5)).</summary>
    public static void LinkLocal(string root, string local)
    {
        var identity = Path.Combine(local, "machine-id");
        if (new FileInfo(identity) is not { Exists: true, Length: > 0 }) File.WriteAllText(identity, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) + "\n");
        File.Copy(identity, Path.Combine(root, "etc/machine-id"), overwrite: true);
        // What the site cannot lose survives a reset of the root: logs and homes are on local.
        foreach (var folder in (string[])["journal", "home", "ssh"]) Directory.CreateDirectory(Path.Combine(local, folder));
        var journal = Path.Combine(root, "var/log/journal");
        if (new FileInfo(journal).LinkTarget is not null) return;
        if (Directory.Exists(journal)) Directory.Delete(journal, recursive: true);
        File.CreateSymbolicLink(journal, "/local/journal");
    }

    private static IEnumerable<(string Target, IReadOnlyDictionary<string, object?> Variables)> Targets(string target, IReadOnlyDictionary<string, object?> variables)
    {
        foreach (var (marker, variable, name) in Repeated)
        {
            if (!target.Contains(marker, StringComparison.Ordinal)) continue;
            var list = marker == "{network}" ? ((IReadOnlyDictionary<string, object?>)variables["node"]!)["interfaces"] : variables["users"];
            return ((IReadOnlyList<object>)list!).Cast<IReadOnlyDictionary<string, object?>>().Select(item =>
                (target.Replace(marker, (string)item[name]!, StringComparison.Ordinal), (IReadOnlyDictionary<string, object?>)new Dictionary<string, object?>(variables) { [variable] = item }));
        }
        return [(target, variables)];
    }

    /// <summary>A key that the site took back must not open a node any more. What others put beside it is not ours to remove.</summary>
    private static void RemoveFormer(string root, IEnumerable<string> targets)
    {
        var list = Path.Combine(root, RenderedList);
        var now = targets.ToHashSet();
        foreach (var former in File.Exists(list) ? File.ReadAllLines(list) : [])
            if (!now.Contains(former)) File.Delete(Path.Combine(root, former));
        Write(list, string.Concat(now.Order(StringComparer.Ordinal).Select(t => t + "\n")), Readable);
    }

    private static Dictionary<string, object?> Describe(Manifest manifest, ManifestNode node) => new()
    {
        ["name"] = node.Name,
        ["ip"] = node.Cluster.Ip.ToString(),
        ["mac"] = node.Cluster.Mac.ToString(),
        ["slot"] = node.Slot ?? 0,
        ["interfaces"] = node.Interfaces.Select(i => (object)new Dictionary<string, object?>
        {
            ["network"] = i.Key,
            ["mac"] = i.Value.Mac.ToString(),
            ["ip"] = i.Value.Ip.ToString(),
            ["prefix"] = manifest.Networks[i.Key].Subnet.PrefixLength,
            ["gateway"] = i.Key == node.DefaultRoute(manifest.Networks) ? manifest.Networks[i.Key].Gateway.ToString() : "",
            ["domain"] = manifest.Networks[i.Key].Domain ?? "",
        }).ToList(),
    };

    /// <summary>Whoever reads the file meanwhile sees the old or the new one, and a link is replaced, never followed.</summary>
    private static void Write(string path, string text, UnixFileMode mode)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var fresh = path + ".virtualinux-new";
        File.Delete(fresh);
        File.WriteAllText(fresh, text);
        File.SetUnixFileMode(fresh, mode);
        File.Move(fresh, path, overwrite: true);
    }
}

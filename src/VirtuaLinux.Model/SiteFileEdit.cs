using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace VirtuaLinux.Model;

/// <summary>Adds lines to a site file and leaves all others, comments too, as people wrote them.</summary>
public static class SiteFileEdit
{
    /// <summary>Adds a machine behind the last one of <c>nodes</c>.</summary>
    /// <param name="text">The site file, which loads without errors.</param>
    /// <param name="name">Name of the node.</param>
    /// <param name="mac">Its card on the cluster network.</param>
    /// <param name="ip">Its address there.</param>
    /// <param name="slot">Its slot.</param>
    /// <returns>The text, or null when the list is not written one machine a line (or block): then a person has to.</returns>
    public static string? AddNode(string text, string name, MacAddress mac, Ipv4Address ip, int? slot) => AddItem(text, "nodes", NodeLine(name, mac, ip, slot));

    /// <summary>Adds a machine that gets no answer, behind the last one of <c>refused</c>, which is made if it is not there.</summary>
    /// <returns>The text, or null when the list is not written one machine a line.</returns>
    public static string? AddRefused(string text, MacAddress mac)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Find(text, "refused") is null ? $"{text.TrimEnd('\n')}\nrefused:\n  - \"{mac}\"\n" : AddItem(text, "refused", $"\"{mac}\"");
    }

    /// <summary>A machine as the site file has it, without the dash before it.</summary>
    public static string NodeLine(string name, MacAddress mac, Ipv4Address ip, int? slot) => FormattableString.Invariant($"{{ name: {name}, mac: \"{mac}\", ip: {ip}{(slot is { } number ? $", slot: {number}" : "")} }}");

    private static string? AddItem(string text, string key, string item)
    {
        if (Find(text, key) is not { Style: SequenceStyle.Block, Children: [.., var last] }) return null;
        var lines = text.Split('\n').ToList();
        var at = (int)last.Start.Line - 1;
        var indentation = lines[at].Length - lines[at].TrimStart(' ').Length;
        if (!lines[at].AsSpan(indentation).StartsWith("- ")) return null;
        // The item may have lines of its own, which are further in.
        do at++;
        while (at < lines.Count && lines[at].Length - lines[at].TrimStart(' ').Length > indentation && lines[at].Trim().Length > 0);
        lines.Insert(at, $"{new string(' ', indentation)}- {item}");
        return string.Join('\n', lines);
    }

    private static YamlSequenceNode? Find(string text, string key)
    {
        var stream = new YamlStream();
        stream.Load(new Parser(new StringReader(text)));
        return stream.Documents is [{ RootNode: YamlMappingNode root }, ..] && root.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value as YamlSequenceNode : null;
    }
}

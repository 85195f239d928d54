using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;

namespace VirtuaLinux.Model;

/// <summary>Paths in the form that <see cref="JsonNode.GetPath"/> and the serializer's messages use: <c>$.nodes[1].mac</c>, <c>$['a.b']</c>.</summary>
internal static class JsonPath
{
    public const string Root = "$";

    private static readonly SearchValues<char> Special = SearchValues.Create(". '/\"[]()\t\n\r\f\b\\\u0085\u2028\u2029");

    public static string Member(string path, string name) => name.AsSpan().ContainsAny(Special) || name.Length == 0 ? $"{path}['{name}']" : $"{path}.{name}";

    public static string Item(string path, int index) => string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]");

    public static string Normalize(string path) => path.StartsWith(Root, StringComparison.Ordinal) ? path : path.StartsWith('[') ? Root + path : path.Length == 0 ? Root : $"{Root}.{path}";

    /// <summary>The path without its last step; <see cref="Root"/> when there is none.</summary>
    public static string Parent(string path)
    {
        if (path.EndsWith("']", StringComparison.Ordinal))
        {
            var quote = path.LastIndexOf("['", StringComparison.Ordinal);
            return quote > 0 ? path[..quote] : Root;
        }
        var cut = path.LastIndexOfAny(['.', '[']);
        return cut > 0 ? path[..cut] : Root;
    }

    /// <summary>How a person names the place: <c>nodes[1].mac</c>.</summary>
    public static string ToText(string path) => path == Root ? "the file" : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path[1..];
}

using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace VirtuaLinux.Model.Yaml;

/// <summary>Turns the parser's events into a tree with lines. Depth, size and aliases are capped, so that no file can exhaust the program ("billion laughs").</summary>
internal sealed class YamlReader
{
    public const int MaximumDepth = 32;
    public const int MaximumValues = 2_000_000;
    public const int MaximumLength = 8 << 20;

    private readonly string file;
    private readonly Parser parser;
    private readonly Dictionary<string, (YamlValue Value, int Count)> anchors = new(StringComparer.Ordinal);
    private readonly List<Diagnostic> errors = [];
    private int count;

    private YamlReader(string file, string text)
    {
        this.file = file;
        parser = new Parser(new StringReader(text));
    }

    /// <summary>Reads a file of one document; null when <paramref name="errors"/> says why not.</summary>
    public static YamlValue? Read(string file, string text, out IReadOnlyList<Diagnostic> errors)
    {
        if (text.Length > MaximumLength)
        {
            errors = [new(file, 1, $"the file has {text.Length} characters", $"keep it below {MaximumLength}")];
            return null;
        }
        if (FirstControlCharacter(text) is { } line)
        {
            errors = [new(file, line, "a control character that text files do not contain", "save the file as plain UTF-8 text")];
            return null;
        }
        var reader = new YamlReader(file, text);
        errors = reader.errors;
        try
        {
            var value = reader.Document();
            return errors.Count == 0 ? value : null;
        }
        catch (YamlException e)
        {
            var at = (int)Math.Clamp(Math.Max(e.Start.Line, e.End.Line), 1, int.MaxValue);
            errors = [TabIndentation(text) is { } tab && tab >= at
                ? new(file, tab, "a tab indents this line", "indent with spaces")
                : new(file, at, $"not valid YAML: {Reason(e)}", "check the indentation, the brackets and the quotes here and in the line above")];
        }
        catch (RefusedException e)
        {
            errors = [e.Diagnostic];
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or FormatException or OverflowException)
        {
            // The parser lets some of these out when a bracket stays open or an escape is malformed; to its user they are syntax errors all the same.
            var at = reader.parser.Current is { } last ? LineOf(last) : 1;
            errors = [new(file, at, "not valid YAML from here on", "check that every bracket and quote is closed")];
        }
        return null;
    }

    private YamlValue? Document()
    {
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _))
        {
            errors.Add(new(file, 1, "the file is empty", "write at least its required keys"));
            return null;
        }
        parser.Consume<DocumentStart>();
        var value = Value(0).Value;
        parser.Consume<DocumentEnd>();
        if (!parser.Accept<StreamEnd>(out _)) errors.Add(new(file, LineOf(parser.Current!), "a second document starts here", "keep one document in a file and remove the '---' line"));
        return value;
    }

    private (YamlValue Value, int Count) Value(int depth)
    {
        var start = parser.Consume<ParsingEvent>();
        if (depth > MaximumDepth) throw Refuse(start, $"more than {MaximumDepth} levels inside each other", "write it flatter");
        var before = count;
        if (start is AnchorAlias alias) return Alias(alias);
        Count(start, 1);
        if (start is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag })
            throw Refuse(start, $"the tag '{tag}' has no meaning here", "remove it; put text that looks like a number into quotes");
        YamlValue value = start switch
        {
            Scalar scalar => new YamlScalar(LineOf(start), scalar.Value, scalar.Style == ScalarStyle.Plain),
            SequenceStart => new YamlList(LineOf(start), Items(depth)),
            MappingStart => new YamlMap(LineOf(start), Members(depth)),
            _ => throw Refuse(start, "a value is missing", "write one, or remove the line"),
        };
        var result = (value, count - before);
        if (start is NodeEvent { Anchor: { IsEmpty: false } anchor }) anchors[anchor.Value] = result;
        return result;
    }

    private (YamlValue Value, int Count) Alias(AnchorAlias alias)
    {
        if (!anchors.TryGetValue(alias.Value.Value, out var target)) throw Refuse(alias, $"'*{alias.Value.Value}' refers to nothing above it", $"define '&{alias.Value.Value}' before it");
        Count(alias, target.Count);
        return target;
    }

    private List<YamlValue> Items(int depth)
    {
        var items = new List<YamlValue>();
        while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(Value(depth + 1).Value);
        return items;
    }

    private List<YamlMember> Members(int depth)
    {
        var members = new Dictionary<string, YamlMember>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key)) throw Refuse(parser.Current!, "a key that is not plain text", "write 'key: value'");
            Count(key, 1);
            var line = LineOf(key);
            var value = Value(depth + 1).Value;
            if (!members.TryAdd(key.Value, new YamlMember(key.Value, line, value)))
                errors.Add(new(file, line, $"the key '{key.Value}' is given twice, first in line {members[key.Value].Line.ToString(CultureInfo.InvariantCulture)}", "keep one of them"));
        }
        return [.. members.Values];
    }

    private void Count(ParsingEvent at, int values)
    {
        count += values;
        if (count > MaximumValues) throw Refuse(at, $"more than {MaximumValues} values, those of aliases included", "split the file or use fewer aliases");
    }

    private RefusedException Refuse(ParsingEvent at, string message, string advice) => new(new Diagnostic(file, LineOf(at), message, advice));

    private static int LineOf(ParsingEvent at) => (int)Math.Clamp(at.Start.Line, 1, int.MaxValue);

    private static int? FirstControlCharacter(string text)
    {
        // YAML 1.2, section 5.1; U+FEFF may only start the file.
        var line = 1;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\n') line++;
            if (c < ' ' && c is not ('\t' or '\n' or '\r') || c == '\x7f' || c is '\ufffe' or '\uffff') return line;
            if (char.IsSurrogate(c) && !(char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[++i]))) return line;
        }
        return null;
    }

    private static string Reason(YamlException e)
    {
        var message = (e.InnerException ?? e).Message;
        // Older forms of the message carry the position in front: "(Line: 1, Col: 2, Idx: 3) - (…): text".
        var behind = message.StartsWith('(') ? message.IndexOf("): ", StringComparison.Ordinal) : -1;
        return (behind < 0 ? message : message[(behind + 3)..]).ReplaceLineEndings(" ").TrimEnd('.', ' ');
    }

    /// <summary>The first line that a tab indents, which YAML forbids (YAML 1.2, section 6.1) and which editors hide.</summary>
    private static int? TabIndentation(string text)
    {
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            var content = line.TrimStart(" \t");
            if (!content.IsEmpty && line[..^content.Length].Contains('\t')) return number;
        }
        return null;
    }

    private sealed class RefusedException(Diagnostic diagnostic) : Exception(diagnostic.Message)
    {
        public Diagnostic Diagnostic { get; } = diagnostic;
    }
}

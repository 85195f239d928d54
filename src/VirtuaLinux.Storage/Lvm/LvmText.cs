using System.Globalization;
using System.Text;

namespace VirtuaLinux.Storage.Lvm;

/// <summary>A node of LVM's text format (lvm.conf(5), vgcfgbackup(8)): a section with members in file order, or a value.</summary>
public sealed class LvmSection
{
    /// <summary>Members in file order: text, number (long), list (of object) or section.</summary>
    public List<KeyValuePair<string, object>> Members { get; } = [];

    /// <summary>The first member of that name, or null.</summary>
    public object? this[string name] => Members.Find(m => m.Key == name).Value;

    /// <summary>The section of that name, or an empty one.</summary>
    public LvmSection Section(string name) => this[name] as LvmSection ?? new LvmSection();

    /// <summary>The sections among the members.</summary>
    public IEnumerable<KeyValuePair<string, LvmSection>> Sections => Members.Where(m => m.Value is LvmSection).Select(m => KeyValuePair.Create(m.Key, (LvmSection)m.Value));
}

/// <summary>Reads LVM's text format.</summary>
public static class LvmText
{
    private const int MaxDepth = 16;

    /// <summary>Parses a whole text; false with a reason that names the line.</summary>
    public static bool TryParse(string text, out LvmSection root, out string reason)
    {
        ArgumentNullException.ThrowIfNull(text);
        var reader = new Reader(text);
        root = new LvmSection();
        reason = "";
        if (reader.TryReadMembers(root, 0)) return true;
        reason = $"line {reader.Line}: {reader.Reason}";
        return false;
    }

    private ref struct Reader(string text)
    {
        private int _at;

        public string Reason { get; private set; } = "";

        public readonly int Line => text.AsSpan(0, Math.Min(_at, text.Length)).Count('\n') + 1;

        public bool TryReadMembers(LvmSection section, int depth)
        {
            if (depth > MaxDepth) return Fail("sections are nested too deep");
            while (true)
            {
                SkipSpace();
                if (_at >= text.Length) return depth == 0 || Fail("a section is not closed");
                if (text[_at] == '}')
                {
                    _at++;
                    return depth > 0 || Fail("'}' without '{'");
                }
                if (!TryReadName(out var name)) return false;
                SkipSpace();
                if (Take('{'))
                {
                    var inner = new LvmSection();
                    if (!TryReadMembers(inner, depth + 1)) return false;
                    section.Members.Add(KeyValuePair.Create<string, object>(name, inner));
                    continue;
                }
                if (!Take('=')) return Fail($"'{name}' is followed by neither '=' nor '{{'");
                if (!TryReadValue(depth, out var value)) return false;
                section.Members.Add(KeyValuePair.Create(name, value));
            }
        }

        private bool TryReadValue(int depth, out object value)
        {
            value = "";
            SkipSpace();
            if (_at >= text.Length) return Fail("a value is missing");
            if (Take('[')) return TryReadList(depth, out value);
            if (text[_at] == '"') return TryReadText(out value);
            var start = _at;
            while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '-' or '+' or '.')) _at++;
            if (!long.TryParse(text.AsSpan(start, _at - start), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return Fail("neither text, list nor whole number");
            value = number;
            return true;
        }

        private bool TryReadList(int depth, out object value)
        {
            var list = new List<object>();
            value = list;
            if (depth > MaxDepth) return Fail("lists are nested too deep");
            while (true)
            {
                SkipSpace();
                if (Take(']')) return true;
                if (!TryReadValue(depth + 1, out var item)) return false;
                list.Add(item);
                SkipSpace();
                if (!Take(',') && (_at >= text.Length || text[_at] != ']')) return Fail("a list is not closed");
            }
        }

        private bool TryReadText(out object value)
        {
            var builder = new StringBuilder();
            for (_at++; _at < text.Length; _at++)
            {
                if (text[_at] == '"')
                {
                    _at++;
                    value = builder.ToString();
                    return true;
                }
                if (text[_at] == '\\' && _at + 1 < text.Length) _at++;
                builder.Append(text[_at]);
            }
            value = "";
            return Fail("a text is not closed");
        }

        private bool TryReadName(out string name)
        {
            var start = _at;
            while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '_' or '.' or '-' or '+' or '/')) _at++;
            name = text[start.._at];
            return name.Length > 0 || Fail($"unexpected '{text[_at]}'");
        }

        private void SkipSpace()
        {
            while (_at < text.Length)
            {
                if (text[_at] == '#')
                    while (_at < text.Length && text[_at] != '\n') _at++;
                else if (char.IsWhiteSpace(text[_at])) _at++;
                else return;
            }
        }

        private bool Take(char c)
        {
            if (_at >= text.Length || text[_at] != c) return false;
            _at++;
            return true;
        }

        private bool Fail(string reason)
        {
            Reason = reason;
            return false;
        }
    }
}

namespace VirtuaLinux.Model.Yaml;

/// <summary>A part of a YAML document with the line where it starts.</summary>
internal abstract record YamlValue(int Line);

/// <summary>Text. A plain one (without quotes) may stand for a number, a truth value or nothing (YAML 1.2, section 10.3).</summary>
internal sealed record YamlScalar(int Line, string Text, bool IsPlain) : YamlValue(Line)
{
    /// <summary>Whether nothing is there.</summary>
    public bool IsNull => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";
}

/// <summary>A sequence.</summary>
internal sealed record YamlList(int Line, IReadOnlyList<YamlValue> Items) : YamlValue(Line);

/// <summary>A mapping; its keys are text and each is there once.</summary>
internal sealed record YamlMap(int Line, IReadOnlyList<YamlMember> Members) : YamlValue(Line);

/// <summary>A key of a mapping and its value.</summary>
internal sealed record YamlMember(string Key, int Line, YamlValue Value);

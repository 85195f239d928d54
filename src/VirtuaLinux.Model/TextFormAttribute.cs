namespace VirtuaLinux.Model;

/// <summary>How a value looks as text, for the JSON schema that editors use.</summary>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class TextFormAttribute(string pattern, string example) : Attribute
{
    /// <summary>Regular expression (ECMA-262) that every valid text matches.</summary>
    public string Pattern { get; } = pattern;

    /// <summary>A valid text.</summary>
    public string Example { get; } = example;
}

namespace VirtuaLinux.Model;

/// <summary>What the loader of YAML files asks of a converter from text, so that a wrong value is reported with its line.</summary>
internal interface IParsableJsonConverter
{
    /// <summary>Type of the values.</summary>
    Type ValueType { get; }

    /// <summary>Why the text is no such value, as "what is wrong; what to write"; null when it is one.</summary>
    string? Complaint(string text);
}

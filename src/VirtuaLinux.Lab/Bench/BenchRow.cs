using System.Globalization;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Lab.Bench;

/// <summary>One measurement beside its peers.</summary>
public sealed record BenchRow
{
    /// <summary>What was measured.</summary>
    public required string Measure { get; init; }

    /// <summary>Unit of the values.</summary>
    public required string Unit { get; init; }

    /// <summary>Medians by name of the server or device.</summary>
    public required IReadOnlyDictionary<string, double> Values { get; init; }

    /// <summary>Name of the value that each other one is shown as a part of; null where there is none.</summary>
    public string? Reference { get; init; }

    /// <summary>Our value divided by that which it is held against.</summary>
    public double? Ratio { get; init; }

    /// <summary>What the ratio is held against, and what it should be.</summary>
    public string Goal { get; init; } = "";

    /// <summary>Whether it is; null where nothing was to be reached or no peer was there.</summary>
    public bool? IsMet { get; init; }

    /// <summary>A value for people, and how much of <see cref="Reference"/> it is.</summary>
    public string TextOf(string name)
    {
        if (!Values.TryGetValue(name, out var value)) return "";
        var text = value.ToString(value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
        return Reference is { } reference && reference != name && Values.TryGetValue(reference, out var whole) && whole > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{text} ({value / whole:0.00})")
            : text;
    }
}

/// <summary>A whole run.</summary>
public sealed record BenchReport
{
    /// <summary>When it was made.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Processors and kernel of the machine.</summary>
    public required string Machine { get; init; }

    /// <summary>The measurements.</summary>
    public required IReadOnlyList<BenchRow> Rows { get; init; }

    /// <summary>Peers that were not there, and what else is to be known.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>Serialisation of reports.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BenchReport))]
public sealed partial class BenchJson : JsonSerializerContext;

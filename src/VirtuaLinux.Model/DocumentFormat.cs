using System.Globalization;
using System.Text.Json;

namespace VirtuaLinux.Model;

/// <summary>The rule of versions for all that releases of this product leave to each other on the SAN and in backups.</summary>
/// <remarks>
/// <para>A document (manifest, state, journal, head of a backup) says its <c>format</c>, and a release knows formats up to a number.</para>
/// <list type="bullet">
/// <item>A known or an older format is read. Members that a program does not know are skipped, and are lost when it writes the document anew: so who adds some counts the format up.</item>
/// <item>A newer format with a <c>readableFrom</c> that is known is read, and never replaced: it is changed from a node of the newer release.</item>
/// <item>Any other newer format is refused, and nothing is written.</item>
/// </list>
/// <para>A slot and a block of the LUN have a number at the end of their magic instead: a newer one is refused, whoever enters looks at all of them before it registers, and bytes behind what a program knows are skipped, and zero when it writes.</para>
/// <para>Nodes of adjacent releases run side by side while an image is rolled out: a release writes a new format or magic only when the one before reads it.</para>
/// </remarks>
public static class DocumentFormat
{
    /// <summary>Why a program must not act on a document; null if it may.</summary>
    /// <param name="what">What it is, for people.</param>
    /// <param name="document">The document.</param>
    /// <param name="known">The newest format that the program knows.</param>
    /// <param name="whenAbsent">The format of a document that names none; null where each does.</param>
    public static string? Refusal(string what, JsonElement document, int known, int? whenAbsent = 1)
    {
        if (FormatOf(document, whenAbsent) is not { } format) return $"{what} does not say its format, and this release knows them up to format {known}; bring it back from its backup";
        return format <= known || NumberOf(document, "readableFrom") <= known ? null : Newer(what, format, known);
    }

    /// <summary>Why a program must not replace a document; null if it may. One that is damaged is replaced.</summary>
    /// <inheritdoc cref="Refusal"/>
    public static string? ReplacementRefusal(string what, JsonElement document, int known) => FormatOf(document, known) is { } format && format > known ? Newer(what, format, known) : null;

    /// <summary>The number of a magic, where it is the known one but for a higher number: a newer release wrote that.</summary>
    /// <param name="found">What is there.</param>
    /// <param name="magic">The known magic: letters, and a number behind them.</param>
    /// <returns>Null for anything else.</returns>
    public static int? NewerThan(ReadOnlySpan<byte> magic, ReadOnlySpan<byte> found)
    {
        var letters = magic.TrimEnd("0123456789"u8).Length;
        if (found.Length < magic.Length || !found.StartsWith(magic[..letters])) return null;
        return int.TryParse(found[letters..magic.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > NumberOf(magic) ? number : null;
    }

    /// <summary>The number at the end of a magic.</summary>
    public static int NumberOf(ReadOnlySpan<byte> magic) => int.Parse(magic[magic.TrimEnd("0123456789"u8).Length..], NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>What is said of something that a newer release wrote.</summary>
    /// <param name="what">What it is, for people.</param>
    /// <param name="found">Its format.</param>
    /// <param name="known">The newest format that this program knows.</param>
    public static string Newer(string what, int found, int known) => $"a newer release wrote {what}: it has format {found}, and this release knows them up to format {known}. Nothing was changed; use a node or a medium of that release";

    private static int? FormatOf(JsonElement document, int? whenAbsent) => document.ValueKind == JsonValueKind.Object && !document.TryGetProperty("format", out _) ? whenAbsent : NumberOf(document, "format");

    private static int? NumberOf(JsonElement document, string name) =>
        document.ValueKind == JsonValueKind.Object && document.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0 ? number : null;
}

using System.Text.Json;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>How fast this node's volumes fill. The measurements of the last day are in a file, so that a restart does not begin anew.</summary>
/// <param name="local">Where the node's <c>local</c> volume is mounted.</param>
public sealed class FillWatch(string local = "/local")
{
    private readonly string _path = Path.Combine(local, RootRecord.FolderName, "fill.json");

    private Dictionary<string, FillRate>? _rates;

    /// <summary>Takes a measurement of a volume.</summary>
    /// <param name="volume">What the volume is called in the file.</param>
    /// <param name="now">When.</param>
    /// <param name="used">Bytes in use.</param>
    /// <returns>Bytes a day, as <see cref="FillRate.Note"/> says.</returns>
    public double? Note(string volume, DateTimeOffset now, long used)
    {
        _rates ??= Read().ToDictionary(r => r.Key, r => new FillRate(r.Value));
        if (!_rates.TryGetValue(volume, out var rate)) _rates[volume] = rate = new FillRate([]);
        var last = rate.Samples is [.., var sample] ? sample : null;
        var perDay = rate.Note(now, used);
        if (rate.Samples[^1] != last) Write();
        return perDay;
    }

    private Dictionary<string, IReadOnlyList<FillSample>> Read()
    {
        try
        {
            return File.Exists(_path) ? JsonSerializer.Deserialize(File.ReadAllText(_path), NodeJson.Default.DictionaryStringIReadOnlyListFillSample) ?? [] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return []; // a power cut came while it was written, or another version of the product wrote it
        }
    }

    private void Write()
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            File.WriteAllBytes(_path + ".new", JsonSerializer.SerializeToUtf8Bytes(_rates!.ToDictionary(r => r.Key, r => r.Value.Samples), NodeJson.Default.DictionaryStringIReadOnlyListFillSample));
            File.Move(_path + ".new", _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // local is full, which is told elsewhere: what is in memory goes on to count.
        }
    }
}

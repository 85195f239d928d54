using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Signing;

/// <summary>What <c>image verify</c> found of delivered files.</summary>
/// <param name="Files">Each file's digest.</param>
/// <param name="Media">Whose signatures are on each medium, by its name; only for those whose digest is right.</param>
/// <param name="Fault">Why they must not be used, in words; null when they may.</param>
public sealed record VerifiedDelivery(IReadOnlyList<CheckedFile> Files, IReadOnlyDictionary<string, MediumSignatures> Media, string? Fault)
{
    /// <summary>Checks a folder, or one medium in it.</summary>
    /// <param name="runner">Runs programs.</param>
    /// <param name="path">As for <see cref="DigestList.Verify"/>.</param>
    /// <param name="wanted">Keys of which one must have signed each medium; none: a signature is checked where the image needs one.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">There is nothing to check.</exception>
    public static async Task<VerifiedDelivery> OfAsync(ICommandRunner runner, string path, IReadOnlyList<VendorKey> wanted, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var files = DigestList.Verify(path);
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        var media = new SortedDictionary<string, MediumSignatures>(StringComparer.Ordinal);
        var faults = new List<string>();
        if (files.Count(f => !f.Sound) is > 0 and var count) faults.Add($"{count} of {files.Count} files {(count == 1 ? "is" : "are")} not as delivered; fetch {(count == 1 ? "it" : "them")} again from the vendor, with {DigestList.FileName}");
        foreach (var file in files.Where(f => f.Sound && f.Name.EndsWith(".iso", StringComparison.Ordinal)))
        {
            var medium = new SignedMedium(runner, Path.Combine(folder, file.Name));
            var signatures = media[file.Name] = await medium.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (wanted.Count > 0)
            {
                var signed = false;
                foreach (var key in wanted) signed |= await medium.IsSignedByAsync(key, cancellationToken).ConfigureAwait(false);
                if (!signed) faults.Add($"{file.Name} is not signed with the key that was given; it is not this vendor's, or its signature is still to be made");
            }
            else if (signatures is { Needed.Count: > 0, Found.Count: 0 }) faults.Add($"{file.Name} needs a signature and has none: no installer would take it; sign it with 'virtualinux image sign'");
        }
        return new(files, media, faults.Count > 0 ? string.Join("; ", faults) : null);
    }

    /// <summary>The same in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        foreach (var file in Files)
            yield return file.Sound ? $"{file.Name}: as delivered{Signers(file.Name)}" : file.Found is null ? $"{file.Name}: missing" : $"{file.Name}: differs; its SHA-256 is {file.Found}, delivered was {file.Expected}";
    }

    private string Signers(string name) => Media.TryGetValue(name, out var signatures) ? signatures.Found.Count > 0 ? $", signed with key {string.Join(" and ", signatures.Found)}" : ", not signed" : "";
}

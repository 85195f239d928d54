using System.Globalization;
using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Conformance;

/// <summary>A public key of a key file, as gpg(1) lists it.</summary>
/// <param name="Id">Its identifier, 16 hexadecimal digits.</param>
/// <param name="Expires">When it expires; null for never.</param>
internal sealed record ArchiveKey(string Id, DateTimeOffset? Expires)
{
    /// <summary>The keys of a file, armoured or not. Subkeys that sign count too, as archives are signed with those.</summary>
    /// <exception cref="FailureException">It is no key file, or gpg is not there.</exception>
    public static async Task<IReadOnlyList<ArchiveKey>> ReadAsync(ICommandRunner runner, string file, CancellationToken cancellationToken)
    {
        var home = Directory.CreateTempSubdirectory("virtualinux-gpg-");
        try
        {
            var listed = await runner.RunAsync(ExternalCommand.Of("gpg", "--batch", "--homedir", home.FullName, "--show-keys", "--with-colons", file), cancellationToken).ConfigureAwait(false);
            return Parse(listed.Output);
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }

    /// <summary>Reads what <c>gpg --with-colons</c> writes (doc/DETAILS of GnuPG): field 1 is the kind, 5 the identifier, 7 the end in seconds since 1970, 12 what the key may do.</summary>
    public static IReadOnlyList<ArchiveKey> Parse(string listing) =>
    [
        .. listing.Split('\n').Select(l => l.Split(':')).Where(f => f.Length > 11 && (f[0] == "pub" || f[0] == "sub" && f[11].Contains('s', StringComparison.Ordinal)))
            .Select(f => new ArchiveKey(f[4], long.TryParse(f[6], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null)),
    ];
}

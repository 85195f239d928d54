using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Stages;

namespace VirtuaLinux.Images.Packages;

/// <summary>The OpenPGP keys that packages must be signed with. rpm takes a key that has expired for a good one; we do not.</summary>
internal static class RpmKeys
{
    /// <summary>Checks a file.</summary>
    /// <returns>When its first key was made, in seconds since 1970 (UTC).</returns>
    /// <exception cref="FailureException">It has no key, or one that has expired or was revoked.</exception>
    public static async Task<long> CheckAsync(StageWork work, string file)
    {
        // gpg(1) writes a keybox into its home even if it is only to show a file.
        var home = Directory.CreateDirectory(work.At("gnupg"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var shown = await work.RunAsync(ExternalCommand.Of("gpg", "--homedir", home.FullName, "--batch", "--no-autostart", "--with-colons", "--show-keys", file).Accepting()).ConfigureAwait(false);
        home.Delete(recursive: true);
        if (Fault(shown.Output) is { } fault) throw new FailureException($"{file}: {fault}; take the distribution's present key");
        return long.Parse(shown.Output.Split('\n').First(l => l.StartsWith("pub:", StringComparison.Ordinal)).Split(':')[5], CultureInfo.InvariantCulture);
    }

    /// <summary>What is wrong with keys, from gpg's colon listings (doc/DETAILS of GnuPG); null if they are good.</summary>
    internal static string? Fault(string listing)
    {
        var keys = 0;
        foreach (var fields in listing.Split('\n').Select(l => l.Split(':')))
        {
            if (fields is ["pub", ..]) keys++;
            // A subkey that signs nothing here may have ended: packages are signed with those of capability 's'.
            if (fields is not ["pub" or "sub", var validity, _, _, var name, _, var ends, ..] || fields.Length < 12) continue;
            if (fields[0] == "sub" && !fields[11].Contains('s', StringComparison.Ordinal)) continue;
            if (validity == "r") return $"the key {name} was revoked";
            if (validity == "e") return $"the key {name} has expired{(long.TryParse(ends, out var time) ? $" on {DateTimeOffset.FromUnixTimeSeconds(time).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}" : "")}";
        }
        return keys > 0 ? null : "there is no OpenPGP key in it";
    }
}

namespace VirtuaLinux.Model;

/// <summary>Marks a copy of the site: it has left this LUN for another array, or is still on the other one and being copied here.</summary>
public sealed record ManifestMove
{
    /// <summary>Whether the site has left this LUN; otherwise it is not here yet.</summary>
    public required bool HasLeft { get; init; }

    /// <summary>World-wide identifier of the LUN on the other array.</summary>
    public required string Wwid { get; init; }

    /// <summary>The other array.</summary>
    public required SiteSan San { get; init; }

    /// <summary>When the copy was marked so.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The mark in words.</summary>
    /// <param name="site">Name of the site.</param>
    public string Describe(string site)
    {
        var other = FormattableString.Invariant($"the LUN with WWID {Wwid} of target {San.Target} at {string.Join(", ", San.Portals)}");
        return HasLeft
            ? FormattableString.Invariant($"site '{site}' was moved to {other} on {At:yyyy-MM-dd HH:mm} UTC, and this LUN is what it left behind; use that array")
            : $"site '{site}' is being moved here and is still on {other}; start the medium that moves it again, it goes on";
    }
}

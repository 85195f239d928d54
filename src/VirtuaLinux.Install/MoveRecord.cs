using VirtuaLinux.Model;

namespace VirtuaLinux.Install;

/// <summary>How far a site's move to another array is, in the journal of the LUN that it moves to.</summary>
public sealed record MoveRecord
{
    /// <summary>What the copy is known by on the LUN that it is made from. Another machine that starts from there wipes that out, and the copy begins anew under another name.</summary>
    public required Guid Copy { get; init; }

    /// <summary>World-wide identifier of the LUN that the site is on.</summary>
    public required string From { get; init; }

    /// <summary>The volumes that are there to be copied, in their order; absent until they are made.</summary>
    public IReadOnlyList<string>? Volumes { get; set; }

    /// <summary>The first of them, which are copied and were read back.</summary>
    public IReadOnlyList<CopiedVolume> Copied { get; set; } = [];

    /// <summary>Whether all is there but the word that the site is.</summary>
    public bool IsStaged { get; init; }

    /// <summary>The record of a copy that begins anew.</summary>
    public MoveRecord Renew(Guid copy) => new() { Copy = copy, From = From };

    /// <summary>By content, as the journal.</summary>
    public bool Equals(MoveRecord? other) => other is not null && (Copy, From, IsStaged) == (other.Copy, other.From, other.IsStaged)
        && Copied.SequenceEqual(other.Copied) && (Volumes ?? []).SequenceEqual(other.Volumes ?? []) && Volumes is null == other.Volumes is null;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Copy, From, IsStaged, Copied.Count);
}

/// <summary>A volume that was copied.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Digest">Digest of its content (<see cref="ChunkDigest.RootDigest"/>).</param>
public sealed record CopiedVolume(string Name, string Digest);

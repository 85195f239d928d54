using System.Text.Json.Serialization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>What an installation has done and does next, kept in two checksummed slots on the SAN. Whoever restarts goes on from here.</summary>
/// <remarks>Members with a default are <c>set</c>, not <c>init</c>: see <see cref="YamlFile"/>.</remarks>
public sealed record Journal
{
    /// <summary>The newest format that this program knows (<see cref="DocumentFormat"/>).</summary>
    public const int KnownFormat = 1;

    private const string What = "the journal";

    /// <summary>Version of the format.</summary>
    public int Format { get; set; } = KnownFormat;

    /// <summary>Name of the site.</summary>
    public required string Site { get; init; }

    /// <summary>Identity of the site, made when the plan was confirmed.</summary>
    public required Guid SiteId { get; init; }

    /// <summary>Image that is installed.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>Digest of its root.</summary>
    public required string RootDigest { get; init; }

    /// <summary>The step that was begun and is not known to be done.</summary>
    public required InstallStep Step { get; init; }

    /// <summary>Name of the node that installs.</summary>
    public required string Holder { get; init; }

    /// <summary>The steps that are done, with the seconds that each took.</summary>
    public IReadOnlyList<StepTime> Times { get; set; } = [];

    /// <summary>How far the site's move to this LUN is; absent when there is none.</summary>
    public MoveRecord? Move { get; set; }

    /// <summary>Reads the journal of a LUN; null if there is none.</summary>
    /// <exception cref="FailureException">An I/O error, or a journal of a newer release.</exception>
    public static Journal? Read(BlockDevice partition) => Slots(partition).Read(What, KnownFormat, InstallJson.Default.Journal);

    /// <summary>Writes the journal and forces it to the medium.</summary>
    /// <exception cref="FailureException">An I/O error, or a journal of a newer release, which stays.</exception>
    public void Write(BlockDevice partition) => Slots(partition).Write(this, What, KnownFormat, InstallJson.Default.Journal);

    /// <summary>By content: the compiler's own comparison takes two readings of one journal for different.</summary>
    public bool Equals(Journal? other) => other is not null
        && (Format, Site, SiteId, Image, RootDigest, Step, Holder) == (other.Format, other.Site, other.SiteId, other.Image, other.RootDigest, other.Step, other.Holder)
        && Times.SequenceEqual(other.Times) && Equals(Move, other.Move);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(SiteId, Step, Holder);

    private static SlotStore Slots(BlockDevice partition) => new(partition, SanLayout.JournalOffset, SanLayout.JournalSlotSize);
}

/// <summary>How long a step took.</summary>
/// <param name="Step">The step.</param>
/// <param name="Seconds">Its duration in the run that ended it.</param>
public sealed record StepTime(InstallStep Step, double Seconds);

/// <summary>Serialisation of the journal.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Journal))]
[JsonSerializable(typeof(BackupInfo))]
public sealed partial class InstallJson : JsonSerializerContext;

using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Initrd;

/// <summary>What a node notes on its <c>local</c> volume about its roots, so that a root is never put over another origin: one for the image that it runs, and one for the image that it can be rolled back to.</summary>
public sealed record RootRecord
{
    /// <summary>The folder on <c>local</c> that it lies in.</summary>
    public const string FolderName = "virtualinux";

    private const string FileName = "root.json", Local = "/local";

    private const int LongestHistory = 50;

    /// <summary>Image of the origin.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>Digest of the origin.</summary>
    public required string RootDigest { get; init; }

    /// <summary>Number of the root within the node's pool.</summary>
    public required int ThinId { get; init; }

    /// <summary>Serial of the manifest whose per-node files the root has; 0 before the first.</summary>
    public long RenderedSerial { get; init; }

    /// <summary>No root of the pool ever had this number or a higher one: a number is given once, so that nothing which was left behind is taken for a new root.</summary>
    public int NextThin { get; init; }

    /// <summary>The roots over other images that the pool keeps, the last used one first.</summary>
    public IReadOnlyList<RootGeneration> Kept { get; set; } = [];

    /// <summary>The images that the node went over to, the oldest first.</summary>
    public IReadOnlyList<ImageStart> History { get; set; } = [];

    /// <summary>Numbers of roots that the next boot deletes from the pool.</summary>
    public IReadOnlyList<int> Dropped { get; set; } = [];

    /// <summary>Whether the next boot makes <c>local</c> anew too.</summary>
    public bool DropsLocal { get; init; }

    /// <summary>The record with which the next boot begins a root from the image again, as it came from the factory.</summary>
    /// <param name="withLocal">Whether <c>local</c> goes too, and with it host keys and machine-id.</param>
    public RootRecord Reset(bool withLocal) =>
        // Asked twice before a boot, the root that was not made yet has nothing to delete.
        Dropped.Count > 0 ? this with { DropsLocal = DropsLocal || withLocal } : this with { ThinId = Unused, NextThin = Unused + 1, RenderedSerial = 0, Dropped = [ThinId], DropsLocal = withLocal };

    /// <summary>The record with which the node starts an image: over a root of it that the pool keeps, or over a new one. Of the others, the one to go back to stays.</summary>
    /// <param name="image">The image that the node starts.</param>
    /// <param name="rootDigest">Digest of its origin.</param>
    /// <param name="former">The image that it can be rolled back to; null for none.</param>
    /// <param name="serial">Serial of the manifest that says so.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="FailureException">A root of this name stands on another origin.</exception>
    public RootRecord Start(ImageVersion image, string rootDigest, ImageVersion? former, long serial, DateTimeOffset now)
    {
        var current = new RootGeneration(Image, RootDigest, ThinId, RenderedSerial);
        List<RootGeneration> roots = [current, .. Kept];
        if (Image == image && RootDigest != rootDigest) throw new FailureException($"this node's root stands on {image} with digest {RootDigest[..12]}, and the manifest says {rootDigest[..12]}; a root is never put over another origin");
        // An image may have been deleted and built again under its old name: a kept root is that of its own origin only.
        var next = roots.Find(r => r.Image == image && r.RootDigest == rootDigest) ?? new RootGeneration(image, rootDigest, Unused, 0);
        var kept = roots.Where(r => r.Image != image && r.Image == former).ToList();
        return this with
        {
            Image = next.Image,
            RootDigest = next.RootDigest,
            ThinId = next.ThinId,
            NextThin = Math.Max(Unused, next.ThinId + 1),
            RenderedSerial = next.RenderedSerial,
            Kept = kept,
            History = next == current && History.Count > 0 ? History : [.. History.TakeLast(LongestHistory - 1), new ImageStart(image, serial, now)],
            Dropped = [.. Dropped, .. roots.Where(r => r != next).Except(kept).Select(r => r.ThinId)],
        };
    }

    /// <summary>The root within the node's pool. One without per-node files was never run on.</summary>
    public ThinRoot ToThinRoot() => new(ThinId, RenderedSerial > 0, RenderedSerial > 0 || Kept.Any(k => k.RenderedSerial > 0), Dropped);

    private int Unused => Kept.Select(k => k.ThinId).Concat(Dropped).Append(ThinId).Append(NextThin - 1).Max() + 1;

    /// <summary>The node's record; null before its first boot.</summary>
    public static RootRecord? Read() => Read(Local);

    /// <summary>The record of the node whose <c>local</c> volume is mounted somewhere.</summary>
    public static RootRecord? Read(string local) =>
        Path.Combine(local, FolderName, FileName) is var path && File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllText(path), NodeJson.Default.RootRecord) : null;

    /// <summary>Writes it; a power cut leaves the older one.</summary>
    /// <param name="local">Where the node's <c>local</c> volume is mounted.</param>
    public void Write(string local = Local)
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(local, FolderName)).FullName, FileName);
        using (var file = new FileStream(path + ".new", FileMode.Create))
        {
            JsonSerializer.Serialize(file, this, NodeJson.Default.RootRecord);
            file.Flush(flushToDisk: true);
        }
        File.Move(path + ".new", path, overwrite: true);
    }
}

/// <summary>One root of a node's pool.</summary>
/// <param name="Image">Image of its origin.</param>
/// <param name="RootDigest">Digest of its origin.</param>
/// <param name="ThinId">Number within the pool.</param>
/// <param name="RenderedSerial">Serial of the manifest whose per-node files it has; 0 before the first.</param>
public sealed record RootGeneration(ImageVersion Image, string RootDigest, int ThinId, long RenderedSerial);

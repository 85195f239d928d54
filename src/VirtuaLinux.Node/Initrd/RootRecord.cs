using System.Text.Json;
using VirtuaLinux.Model;

namespace VirtuaLinux.Node.Initrd;

/// <summary>What a node notes on its <c>local</c> volume about its root, so that a root is never put over another origin.</summary>
public sealed record RootRecord
{
    /// <summary>The folder on <c>local</c> that it lies in.</summary>
    public const string FolderName = "virtualinux";

    private const string FilePath = $"/local/{FolderName}/root.json";

    /// <summary>Image of the origin.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>Digest of the origin.</summary>
    public required string RootDigest { get; init; }

    /// <summary>Number of the root within the node's pool.</summary>
    public required int ThinId { get; init; }

    /// <summary>Serial of the manifest whose per-node files the root has; 0 before the first.</summary>
    public long RenderedSerial { get; init; }

    /// <summary>Numbers of roots that the next boot deletes from the pool.</summary>
    public IReadOnlyList<int> Dropped { get; set; } = [];

    /// <summary>Whether the next boot makes <c>local</c> anew too.</summary>
    public bool DropsLocal { get; init; }

    /// <summary>The record with which the next boot begins a root from the image again, as it came from the factory.</summary>
    /// <param name="withLocal">Whether <c>local</c> goes too, and with it host keys and machine-id.</param>
    public RootRecord Reset(bool withLocal) =>
        // Asked twice before a boot, the root that was not made yet has nothing to delete.
        Dropped.Count > 0 ? this with { DropsLocal = DropsLocal || withLocal } : this with { ThinId = ThinId + 1, RenderedSerial = 0, Dropped = [ThinId], DropsLocal = withLocal };

    /// <summary>The node's record; null before its first boot.</summary>
    public static RootRecord? Read() => File.Exists(FilePath) ? JsonSerializer.Deserialize(File.ReadAllText(FilePath), NodeJson.Default.RootRecord) : null;

    /// <summary>Writes it; a power cut leaves the older one.</summary>
    public void Write()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        using (var file = new FileStream(FilePath + ".new", FileMode.Create))
        {
            JsonSerializer.Serialize(file, this, NodeJson.Default.RootRecord);
            file.Flush(flushToDisk: true);
        }
        File.Move(FilePath + ".new", FilePath, overwrite: true);
    }
}

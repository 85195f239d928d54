using System.Text.Json;
using System.Text.Json.Serialization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Initrd;

/// <summary>What the initrd leaves for the running node below <see cref="Directory"/>, in memory only.</summary>
public sealed record BootRecord
{
    /// <summary>Folder that survives switch_root.</summary>
    public const string Directory = "/run/virtualinux";

    /// <summary>Path of this record.</summary>
    public const string Path = Directory + "/boot.json";

    /// <summary>Path of the site's state as it was read from the SAN; readable by root alone.</summary>
    public const string StatePath = Directory + "/state.json";

    /// <summary>There if the SAN is mapped over several portals: their paths are tended then.</summary>
    public const string MultipathPath = Directory + "/multipath";

    /// <summary>Name of the node.</summary>
    public required string Node { get; init; }

    /// <summary><c>network</c> or <c>starter</c>.</summary>
    public required string BootedFrom { get; init; }

    /// <summary>The boot server whose manifest was used; absent after a start from a medium.</summary>
    public string? Server { get; init; }

    /// <summary>Image of the root.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>Images whose roots the node keeps, this one first.</summary>
    public IReadOnlyList<ImageVersion> Generations { get; set; } = [];

    /// <summary>The images that the node went over to, the oldest first.</summary>
    public IReadOnlyList<ImageStart> History { get; set; } = [];

    /// <summary>Serial of the manifest.</summary>
    public required long ManifestSerial { get; init; }

    /// <summary>The root in words.</summary>
    public required string RootVolume { get; init; }

    /// <summary>Seconds from the kernel's start to the root being mounted.</summary>
    public required double RootMountedAfter { get; init; }

    /// <summary>The key that this boot is registered with at the SAN; absent where the SAN can fence nobody.</summary>
    public string? ReservationKey { get; init; }

    /// <summary>Reads the record of this boot.</summary>
    /// <exception cref="FailureException">This machine was not booted by the product's initrd.</exception>
    public static BootRecord Read() =>
        File.Exists(Path)
            ? JsonSerializer.Deserialize(File.ReadAllText(Path), NodeJson.Default.BootRecord)!
            : throw new FailureException($"{Path} is missing: this machine is not a node of a site; run this on a node");

    /// <summary>Leaves this record and the site's state for the running node; who reads them meanwhile sees the old or the new ones.</summary>
    public void Write(SanState state)
    {
        System.IO.Directory.CreateDirectory(Directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        const UnixFileMode secret = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Replace(StatePath, JsonSerializer.SerializeToUtf8Bytes(state, StorageJson.Default.SanState), secret);
        Replace(Path, JsonSerializer.SerializeToUtf8Bytes(this, NodeJson.Default.BootRecord), secret | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    private static void Replace(string path, byte[] content, UnixFileMode mode)
    {
        using (var file = new FileStream(path + ".new", new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = mode })) file.Write(content);
        File.Move(path + ".new", path, overwrite: true);
    }
}

/// <summary>Serialisation of what a node notes.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(BootRecord))]
[JsonSerializable(typeof(RootRecord))]
[JsonSerializable(typeof(MachineReport))]
[JsonSerializable(typeof(SharedStatus))]
[JsonSerializable(typeof(Dictionary<string, IReadOnlyList<FillSample>>))]
public sealed partial class NodeJson : JsonSerializerContext;

using VirtuaLinux.Model;

namespace VirtuaLinux.Node.Initrd;

/// <summary>What a machine that is not in the site reports, so that a technician can copy it into the site file.</summary>
/// <remarks>Members with a default are settable: a report that leaves one out must not bring a null in.</remarks>
public sealed record MachineReport
{
    /// <summary>MAC address of the interface that booted.</summary>
    public required MacAddress Mac { get; init; }

    /// <summary>All interfaces, as <c>name mac</c>.</summary>
    public IReadOnlyList<string> Interfaces { get; set; } = [];

    /// <summary>Maker and product (SMBIOS type 1).</summary>
    public string Product { get; set; } = "";

    /// <summary>Serial number (SMBIOS type 1).</summary>
    public string SerialNumber { get; set; } = "";

    /// <summary>System UUID (SMBIOS type 1).</summary>
    public string Uuid { get; set; } = "";

    /// <summary>Model of the first processor.</summary>
    public string Cpu { get; set; } = "";

    /// <summary>Number of logical processors.</summary>
    public int Cpus { get; init; }

    /// <summary>Memory that the kernel has.</summary>
    public ByteSize Memory { get; init; }

    /// <summary>Disks, as <c>name size model</c>.</summary>
    public IReadOnlyList<string> Disks { get; set; } = [];

    /// <summary>Looks at this machine.</summary>
    /// <param name="mac">The interface that booted.</param>
    public static MachineReport OfThisMachine(MacAddress mac) => new()
    {
        Mac = mac,
        Interfaces = [.. NetworkLink.Interfaces().Select(i => $"{i.Key} {i.Value}")],
        Product = $"{Dmi("sys_vendor")} {Dmi("product_name")}".Trim(),
        SerialNumber = Dmi("product_serial"),
        Uuid = Dmi("product_uuid"),
        Cpu = Value("/proc/cpuinfo", "model name"),
        Cpus = Environment.ProcessorCount,
        Memory = ByteSize.TryParse(Value("/proc/meminfo", "MemTotal").Replace(" kB", "KiB", StringComparison.Ordinal), null, out var memory) ? memory : default,
        Disks = [.. System.IO.Directory.GetDirectories("/sys/block").Where(d => Path.Exists(Path.Combine(d, "device"))).Order().Select(Disk)],
    };

    private static string Disk(string folder)
    {
        var sectors = long.TryParse(Read(Path.Combine(folder, "size")), out var count) ? count : 0;
        return $"{Path.GetFileName(folder)} {new ByteSize(sectors * 512).ToRoundedString()} {Read(Path.Combine(folder, "device/model"))}".Trim();
    }

    private static string Dmi(string name) => Read($"/sys/class/dmi/id/{name}");

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";

    private static string Value(string path, string key) =>
        File.ReadLines(path).FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[^1].Trim() ?? "";
}

using SharpCompress.Compressors.Xz;
using ZstdSharp;

namespace VirtuaLinux.Images.Initrd;

/// <summary>Files of kernel modules, which distributions compress or not: <c>.ko</c>, <c>.ko.xz</c>, <c>.ko.zst</c>.</summary>
public static class ModuleFile
{
    /// <summary>The module's name as modprobe(8) knows it: without folder and extension, hyphens as underscores.</summary>
    public static string NameOf(string path)
    {
        var file = Path.GetFileName(path);
        var dot = file.IndexOf(".ko", StringComparison.Ordinal);
        return (dot < 0 ? file : file[..dot]).Replace('-', '_');
    }

    /// <summary>The module itself, decompressed.</summary>
    public static byte[] Read(string path)
    {
        using var file = File.OpenRead(path);
        using var plain = new MemoryStream();
        switch (Path.GetExtension(path))
        {
            case ".xz":
                using (var xz = new XZStream(file)) xz.CopyTo(plain);
                break;
            case ".zst":
                using (var zstd = new DecompressionStream(file)) zstd.CopyTo(plain);
                break;
            default:
                file.CopyTo(plain);
                break;
        }
        return plain.ToArray();
    }
}

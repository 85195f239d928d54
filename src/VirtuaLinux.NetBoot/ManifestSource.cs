using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>The manifest that is served, swapped atomically while serving.</summary>
public sealed class ManifestSource(Manifest manifest)
{
    private volatile StaticMap map = new(manifest);

    /// <summary>The manifest; what is set is served from the next packet on.</summary>
    public Manifest Current
    {
        get => map.Manifest;
        set => map = new StaticMap(value);
    }

    /// <summary>The manifest's index.</summary>
    public StaticMap Map => map;
}

using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>The manifest that is served, swapped atomically while serving.</summary>
public sealed class ManifestSource(Manifest manifest)
{
    private volatile StaticMap map = new(manifest);
    private long newest;

    /// <summary>The manifest; what is set is served from the next packet on.</summary>
    public Manifest Current
    {
        get => map.Manifest;
        set => map = new StaticMap(value);
    }

    /// <summary>The manifest's index.</summary>
    public StaticMap Map => map;

    /// <summary>The highest serial number that anybody was heard to have; set to its own to disbelieve what was heard.</summary>
    public long Newest
    {
        get => Interlocked.Read(ref newest);
        set => Interlocked.Exchange(ref newest, value);
    }

    /// <summary>Whether somebody has a newer manifest: until this server has it too, it says nothing that may be wrong.</summary>
    public bool IsOutdated => Newest > map.Manifest.Serial;
}

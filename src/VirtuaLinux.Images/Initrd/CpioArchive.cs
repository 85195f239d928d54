using System.Globalization;
using System.Text;

namespace VirtuaLinux.Images.Initrd;

/// <summary>
/// A cpio archive in the <c>newc</c> form (Linux, Documentation/driver-api/early-userspace/buffer-format.rst) that depends on nothing but its content:
/// entries are sorted, belong to root, carry one date, and are numbered anew.
/// </summary>
/// <param name="epoch">Date of all entries, in seconds since 1970 (UTC).</param>
public sealed class CpioArchive(long epoch)
{
    private const int RegularFile = 0x8000;
    private const int DirectoryType = 0x4000;
    private const int SymbolicLink = 0xA000;
    private const int CharacterDevice = 0x2000;

    private readonly SortedDictionary<string, Entry> entries = new(StringComparer.Ordinal);

    /// <summary>Paths of all entries, sorted; relative, without a leading slash.</summary>
    public IReadOnlyCollection<string> Paths => entries.Keys;

    /// <summary>Adds a folder and those around it.</summary>
    public CpioArchive AddDirectory(string path)
    {
        path = Normalize(path);
        for (var end = path.Length; end > 0; end = path.LastIndexOf('/', end - 1)) entries.TryAdd(path[..end], new Entry(DirectoryType | 0x1ED, null, []));
        return this;
    }

    /// <summary>Adds a file with the given content.</summary>
    public CpioArchive AddFile(string path, byte[] content, bool executable = false) => Add(path, new Entry(FileMode(executable), null, content));

    /// <summary>Adds a file that only root may read.</summary>
    public CpioArchive AddSecretFile(string path, byte[] content) => Add(path, new Entry(RegularFile | 0x180, null, content));

    /// <summary>Adds a copy of a file of this machine; it is read when the archive is written.</summary>
    public CpioArchive AddFileFrom(string path, string source, bool executable) => Add(path, new Entry(FileMode(executable), source, []));

    /// <summary>Adds a symbolic link.</summary>
    public CpioArchive AddLink(string path, string target) => Add(path, new Entry(SymbolicLink | 0x1FF, null, Encoding.UTF8.GetBytes(target)));

    /// <summary>Adds a character device that only root may use.</summary>
    public CpioArchive AddCharacterDevice(string path, int major, int minor) => Add(path, new Entry(CharacterDevice | 0x180, null, [], major, minor));

    /// <summary>Whether there is an entry at the path.</summary>
    public bool Contains(string path) => entries.ContainsKey(Normalize(path));

    /// <summary>Writes the archive, its trailer included, filled up to a multiple of 512 bytes.</summary>
    public void WriteTo(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        long written = 0;
        var inode = 0;
        foreach (var (path, entry) in entries)
        {
            using var source = entry.Source is { } file ? File.OpenRead(file) : (Stream)new MemoryStream(entry.Content, writable: false);
            written += WriteHeader(stream, path, entry, ++inode, source.Length, epoch);
            source.CopyTo(stream);
            written += source.Length;
            written += Pad(stream, written, 4);
        }
        written += WriteHeader(stream, "TRAILER!!!", new Entry(0, null, []), 0, 0, 0);
        Pad(stream, written, 512);
    }

    private CpioArchive Add(string path, Entry entry)
    {
        path = Normalize(path);
        if (path.LastIndexOf('/') is > 0 and var slash) AddDirectory(path[..slash]);
        entries[path] = entry;
        return this;
    }

    private static int WriteHeader(Stream stream, string path, Entry entry, int inode, long size, long epoch)
    {
        var name = Encoding.UTF8.GetBytes(path);
        var links = (entry.Mode & 0xF000) == DirectoryType ? 2 : 1;
        var header = string.Create(CultureInfo.InvariantCulture,
            $"070701{inode:X8}{entry.Mode:X8}{0:X8}{0:X8}{links:X8}{epoch:X8}{size:X8}{0:X8}{0:X8}{entry.Major:X8}{entry.Minor:X8}{name.Length + 1:X8}{0:X8}");
        stream.Write(Encoding.ASCII.GetBytes(header));
        stream.Write(name);
        stream.WriteByte(0);
        var length = header.Length + name.Length + 1;
        return length + Pad(stream, length, 4);
    }

    private static int Pad(Stream stream, long written, int multiple)
    {
        var missing = (int)((multiple - written % multiple) % multiple);
        stream.Write(new byte[missing]);
        return missing;
    }

    private static int FileMode(bool executable) => RegularFile | (executable ? 0x1ED : 0x1A4);

    private static string Normalize(string path) => path.Trim('/');

    private sealed record Entry(int Mode, string? Source, byte[] Content, int Major = 0, int Minor = 0);
}

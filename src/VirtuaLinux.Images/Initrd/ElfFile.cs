using System.Buffers.Binary;
using System.Text;

namespace VirtuaLinux.Images.Initrd;

/// <summary>What the dynamic loader and modprobe(8) read of an ELF file (elf(5)): 64 bits, little endian.</summary>
public sealed class ElfFile
{
    private const int LoadSegment = 1;
    private const int DynamicSegment = 2;
    private const int InterpreterSegment = 3;
    private const int NeededTag = 1;
    private const int StringTableTag = 5;
    private const int RunPathTag = 29;
    private const int RPathTag = 15;

    private ElfFile(string? interpreter, IReadOnlyList<string> needed, IReadOnlyList<string> runPath, IReadOnlyList<string> moduleInfo)
    {
        Interpreter = interpreter;
        Needed = needed;
        RunPath = runPath;
        ModuleInfo = moduleInfo;
    }

    /// <summary>The loader that runs it; null for libraries, static programs and kernel modules.</summary>
    public string? Interpreter { get; }

    /// <summary>Names of the libraries that it needs.</summary>
    public IReadOnlyList<string> Needed { get; }

    /// <summary>Folders in which it wants its libraries to be looked for first.</summary>
    public IReadOnlyList<string> RunPath { get; }

    /// <summary>A kernel module's <c>key=value</c> texts, such as <c>firmware=tigon/tg3.bin</c>.</summary>
    public IReadOnlyList<string> ModuleInfo { get; }

    /// <summary>Reads a file's content. False for anything that is not such a file, however broken.</summary>
    public static bool TryParse(ReadOnlySpan<byte> file, out ElfFile elf)
    {
        elf = new ElfFile(null, [], [], []);
        if (file.Length < 64 || !file[..4].SequenceEqual("\u007fELF"u8) || file[4] != 2 || file[5] != 1) return false;
        try
        {
            elf = Parse(file);
            return true;
        }
        catch (ArgumentOutOfRangeException)
        {
            // An offset behind the end of the file: slicing refuses it.
            return false;
        }
    }

    private static ElfFile Parse(ReadOnlySpan<byte> file)
    {
        string? interpreter = null;
        List<(long Address, long Offset, long Size)> loads = [];
        ReadOnlySpan<byte> dynamic = [];
        var (table, size, count) = (Long(file, 32), Short(file, 54), Short(file, 56));
        for (var i = 0; i < count; i++)
        {
            var header = At(file, table + (long)i * size, 56);
            var (offset, address, length) = (Long(header, 8), Long(header, 16), Long(header, 32));
            switch (BinaryPrimitives.ReadInt32LittleEndian(header))
            {
                case LoadSegment: loads.Add((address, offset, length)); break;
                case DynamicSegment: dynamic = At(file, offset, length); break;
                case InterpreterSegment: interpreter = Text(At(file, offset, length), 0); break;
            }
        }
        var (needed, runPath) = Dynamic(file, dynamic, loads);
        return new ElfFile(interpreter, needed, runPath, ReadModuleInfo(file));
    }

    private static (List<string> Needed, List<string> RunPath) Dynamic(ReadOnlySpan<byte> file, ReadOnlySpan<byte> dynamic, List<(long Address, long Offset, long Size)> loads)
    {
        List<long> needed = [];
        List<long> paths = [];
        long strings = -1;
        for (; dynamic.Length >= 16; dynamic = dynamic[16..])
        {
            var (tag, value) = (Long(dynamic, 0), Long(dynamic, 8));
            if (tag == 0) break;
            if (tag == NeededTag) needed.Add(value);
            if (tag is RunPathTag or RPathTag) paths.Add(value);
            if (tag == StringTableTag) strings = value;
        }
        if (strings < 0) return ([], []);
        var (loadAddress, loadOffset, loadSize) = loads.Find(l => strings >= l.Address && strings < l.Address + l.Size);
        var table = At(file, loadOffset + strings - loadAddress, loadSize - (strings - loadAddress));
        List<string> names = [];
        foreach (var offset in needed) names.Add(Text(table, offset));
        List<string> folders = [];
        foreach (var offset in paths) folders.AddRange(Text(table, offset).Split(':', StringSplitOptions.RemoveEmptyEntries));
        return (names, folders);
    }

    private static List<string> ReadModuleInfo(ReadOnlySpan<byte> file)
    {
        var (table, size, count, names) = (Long(file, 40), Short(file, 58), Short(file, 60), Short(file, 62));
        if (table == 0 || names >= count) return [];
        var nameSection = At(file, table + (long)names * size, 64);
        var nameTable = At(file, Long(nameSection, 24), Long(nameSection, 32));
        for (var i = 0; i < count; i++)
        {
            var section = At(file, table + (long)i * size, 64);
            if (Text(nameTable, BinaryPrimitives.ReadUInt32LittleEndian(section)) != ".modinfo") continue;
            return [.. Encoding.UTF8.GetString(At(file, Long(section, 24), Long(section, 32))).Split('\0', StringSplitOptions.RemoveEmptyEntries)];
        }
        return [];
    }

    private static string Text(ReadOnlySpan<byte> table, long offset)
    {
        var rest = At(table, offset, table.Length - offset);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static ReadOnlySpan<byte> At(ReadOnlySpan<byte> bytes, long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, bytes.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, bytes.Length - offset);
        return bytes.Slice((int)offset, (int)length);
    }

    private static long Long(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadInt64LittleEndian(At(bytes, offset, 8));

    private static int Short(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(At(bytes, offset, 2));
}

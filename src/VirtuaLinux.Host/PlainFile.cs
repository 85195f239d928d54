using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace VirtuaLinux.Host;

/// <summary>Opens what is a plain file and nothing else: a FIFO would block whoever opens it for ever, and a device may act on being opened.</summary>
public static class PlainFile
{
    private const int ReadOnly = 0, NonBlocking = 0x800, CloseOnExec = 0x80000, CurrentDirectory = -100, NoFollow = 0x100;
    private const uint TypeMask = 1;
    private const int ModeOffset = 28, StatxLength = 256, FormatMask = 0xF000, Regular = 0x8000;

    /// <summary>Opens a file for reading; null when it is not there, not readable, or no plain file.</summary>
    public static SafeFileHandle? TryOpen(string path)
    {
        // What is there is looked at before it is opened, and what was opened once more.
        if (!IsRegular(path, NoFollow)) return null;
        var handle = NativeMethods.Open(path, ReadOnly | NonBlocking | CloseOnExec);
        if (!handle.IsInvalid && IsRegular($"/proc/self/fd/{handle.DangerousGetHandle()}", 0)) return handle;
        handle.Dispose();
        return null;
    }

    private static bool IsRegular(string path, int flags)
    {
        Span<byte> result = stackalloc byte[StatxLength];
        return NativeMethods.Statx(CurrentDirectory, path, flags, TypeMask, result) == 0
            && (BinaryPrimitives.ReadUInt16LittleEndian(result[ModeOffset..]) & FormatMask) == Regular;
    }
}

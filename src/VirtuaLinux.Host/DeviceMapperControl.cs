using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace VirtuaLinux.Host;

/// <summary>Messages to mapped devices through a descriptor that stays open (Linux, uapi/linux/dm-ioctl.h): no program is started for it, as dmsetup(8) would be.</summary>
public sealed class DeviceMapperControl : IDisposable
{
    // DM_TARGET_MSG
    private const nuint TargetMessage = 0xc138fd0e;
    private const int ReadWrite = 2, CloseOnExec = 0x80000;

    private readonly SafeFileHandle _handle = NativeMethods.Open("/dev/mapper/control", ReadWrite | CloseOnExec);

    /// <summary>Opens it.</summary>
    /// <exception cref="FailureException">This kernel maps no devices.</exception>
    public DeviceMapperControl()
    {
        if (_handle.IsInvalid) throw new FailureException("/dev/mapper/control cannot be opened");
    }

    /// <summary>Sends a message to the first target of a device.</summary>
    /// <param name="device">Its name, of at most 127 bytes.</param>
    /// <param name="message">Such as <c>reinstate_path 8:32</c> for a multipath target.</param>
    /// <returns>Whether the target took it.</returns>
    public unsafe bool TryMessage(string device, string message)
    {
        var text = Encoding.ASCII.GetBytes(message);
        // struct dm_target_msg: a sector, and the text with its zero.
        var buffer = stackalloc byte[sizeof(Header) + sizeof(ulong) + text.Length + 1];
        new Span<byte>(buffer, sizeof(Header) + sizeof(ulong) + text.Length + 1).Clear();
        var header = (Header*)buffer;
        (header->Major, header->DataStart, header->DataSize) = (4, (uint)sizeof(Header), (uint)(sizeof(Header) + sizeof(ulong) + text.Length + 1));
        Encoding.ASCII.GetBytes(device, new Span<byte>(header->Name, NameLength - 1));
        text.CopyTo(new Span<byte>(buffer + sizeof(Header) + sizeof(ulong), text.Length));
        return NativeMethods.Control(_handle, TargetMessage, buffer) == 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private const int NameLength = 128, RestLength = 136;

    /// <summary>struct dm_ioctl, 312 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Header
    {
        public uint Major, Minor, Patch, DataSize, DataStart, TargetCount;
        public int OpenCount;
        public uint Flags, EventNumber, Padding;
        public ulong Device;
        public fixed byte Name[NameLength];
        public fixed byte Rest[RestLength];
    }
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VirtuaLinux.Host;

/// <summary>A SCSI disk that takes single commands through a descriptor which stays open (Linux, SG_IO, scsi/sg.h version 3): no program is started and no file is read for it.</summary>
public sealed class ScsiDevice : IDisposable
{
    // scsi/sg.h
    private const nuint SgIo = 0x2285;
    private const int ToDevice = -2, FromDevice = -3;
    // The kernel says so when the disk left sense data; its status says the rest.
    private const ushort DriverSense = 8;

    private readonly SafeFileHandle _handle;

    private ScsiDevice(string path, SafeFileHandle handle) => (Path, _handle) = (path, handle);

    /// <summary>Path of the device.</summary>
    public string Path { get; }

    /// <summary>Opens a whole disk without asking it anything.</summary>
    /// <returns>Null when it cannot be opened.</returns>
    public static ScsiDevice? TryOpen(string path)
    {
        // For reading, which is enough for root: the kernel asks for no more, and udev does not look at a disk again that was open for writing.
        const int NonBlocking = 0x800, CloseOnExec = 0x80000;
        var handle = NativeMethods.Open(path, NonBlocking | CloseOnExec);
        if (!handle.IsInvalid) return new ScsiDevice(path, handle);
        handle.Dispose();
        return null;
    }

    /// <summary>Sends a command that answers with data.</summary>
    /// <param name="command">The command descriptor block (SPC-4, 4.2).</param>
    /// <param name="data">Takes the answer.</param>
    /// <param name="timeout">How long the disk has, once the command is under way.</param>
    /// <param name="length">Bytes of the answer.</param>
    /// <returns>Whether the disk did it. False says nothing of the disk: an error, a path that is gone, and a unit attention are alike.</returns>
    public bool TryRead(ReadOnlySpan<byte> command, Span<byte> data, TimeSpan timeout, out int length) => TryExecute(command, FromDevice, data, timeout, out length);

    /// <summary>Sends a command with data.</summary>
    /// <param name="command">The command descriptor block (SPC-4, 4.2).</param>
    /// <param name="data">Its data.</param>
    /// <param name="timeout">How long the disk has, once the command is under way.</param>
    /// <returns>Whether the disk did it.</returns>
    public bool TryWrite(ReadOnlySpan<byte> command, Span<byte> data, TimeSpan timeout) => TryExecute(command, ToDevice, data, timeout, out _);

    private unsafe bool TryExecute(ReadOnlySpan<byte> command, int direction, Span<byte> data, TimeSpan timeout, out int length)
    {
        Span<byte> sense = stackalloc byte[64];
        fixed (byte* commandStart = command, dataStart = data, senseStart = sense)
        {
            var request = new Request
            {
                InterfaceId = 'S',
                Direction = direction,
                CommandLength = (byte)command.Length,
                SenseLength = (byte)sense.Length,
                DataLength = (uint)data.Length,
                Data = dataStart,
                Command = commandStart,
                Sense = senseStart,
                Timeout = (uint)timeout.TotalMilliseconds,
            };
            var sent = NativeMethods.Control(_handle, SgIo, &request) == 0;
            length = sent ? data.Length - request.Residual : 0;
            return sent && request is { Status: 0, HostStatus: 0 } && (request.DriverStatus & ~DriverSense) == 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    /// <summary>sg_io_hdr_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Request
    {
        public int InterfaceId, Direction;
        public byte CommandLength, SenseLength;
        public ushort Segments;
        public uint DataLength;
        public byte* Data, Command, Sense;
        public uint Timeout, Flags;
        public int PackId;
        public void* User;
        public byte Status, MaskedStatus, MessageStatus, SenseWritten;
        public ushort HostStatus, DriverStatus;
        public int Residual;
        public uint Duration, Info;
    }
}

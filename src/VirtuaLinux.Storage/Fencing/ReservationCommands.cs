using System.Buffers.Binary;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>The few SCSI commands that a running node sends about its registration, and what they answer (SPC-4, 6.15 and 6.16; SBC-3, READ (16)).</summary>
internal static class ReservationCommands
{
    private const byte In = 0x5E, Out = 0x5F, Read = 0x88;
    private const byte RegisterAndIgnore = 6, Reserve = 1, AllRegistrants = 7;
    private const int ParameterLength = 24;

    /// <summary>The longest answer of READ KEYS that its field of two bytes lets one ask for, in whole keys: 8,190.</summary>
    public const int KeysLength = ushort.MaxValue / 8 * 8;

    /// <summary>PERSISTENT RESERVE IN, READ KEYS.</summary>
    public static byte[] ReadKeys() => [In, 0, 0, 0, 0, 0, 0, KeysLength >> 8, KeysLength & 0xFF, 0];

    /// <summary>PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY; its parameters ask for APTPL.</summary>
    public static byte[] Register() => [Out, RegisterAndIgnore, 0, 0, 0, 0, 0, 0, ParameterLength, 0];

    /// <summary>PERSISTENT RESERVE OUT, RESERVE: write exclusive, all registrants.</summary>
    public static byte[] ReserveForAll() => [Out, Reserve, AllRegistrants, 0, 0, 0, 0, 0, ParameterLength, 0];

    /// <summary>The parameters of both.</summary>
    public static byte[] Parameters(ReservationKey own, ReservationKey registered)
    {
        const int Aptpl = 20;
        var parameters = new byte[ParameterLength];
        BinaryPrimitives.WriteUInt64BigEndian(parameters, own.Value);
        BinaryPrimitives.WriteUInt64BigEndian(parameters.AsSpan(8), registered.Value);
        parameters[Aptpl] = registered == default ? (byte)0 : (byte)1;
        return parameters;
    }

    /// <summary>READ (16) of one block.</summary>
    public static byte[] ReadBlock(long address)
    {
        var command = new byte[16];
        command[0] = Read;
        BinaryPrimitives.WriteInt64BigEndian(command.AsSpan(2), address);
        command[13] = 1;
        return command;
    }

    /// <summary>What READ KEYS answered.</summary>
    /// <returns>False when it is not all there: then a key that is missing says nothing.</returns>
    public static bool TryParseKeys(ReadOnlySpan<byte> answer, out uint generation, out IReadOnlyList<ReservationKey> keys)
    {
        const int Header = 8;
        (generation, keys) = (0, []);
        if (answer.Length < Header) return false;
        var length = BinaryPrimitives.ReadUInt32BigEndian(answer[4..]);
        if (length % 8 != 0 || length > answer.Length - Header) return false;
        generation = BinaryPrimitives.ReadUInt32BigEndian(answer);
        var list = new ReservationKey[length / 8];
        for (var i = 0; i < list.Length; i++) list[i] = new ReservationKey(BinaryPrimitives.ReadUInt64BigEndian(answer[(Header + i * 8)..]));
        keys = list;
        return true;
    }
}

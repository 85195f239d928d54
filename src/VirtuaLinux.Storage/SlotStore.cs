using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>
/// Keeps one document in two slots of a device, so that a power cut at any instant leaves the old or the new one, never neither.
/// A slot is: magic (8 bytes), sequence (8, big-endian), length (4), SHA-256 over all of these and the document (32), the document.
/// </summary>
/// <param name="device">Where the slots are.</param>
/// <param name="offset">Offset of the first slot, in bytes.</param>
/// <param name="slotSize">Size of each slot, in bytes; the document may have 52 bytes less.</param>
public sealed class SlotStore(BlockDevice device, long offset, int slotSize)
{
    private const int HeaderLength = 20;
    private const int DigestLength = SHA256.HashSizeInBytes;

    private static ReadOnlySpan<byte> Magic => "VLSLOT01"u8;

    /// <summary>Reads the newest document, if its format is one that may be read (<see cref="DocumentFormat"/>); null if there is none.</summary>
    /// <param name="what">What it is, for people.</param>
    /// <param name="known">The newest format that this program knows.</param>
    /// <param name="type">How it is read.</param>
    /// <exception cref="FailureException">An I/O error, a document or a slot of a newer release, or something else than the document.</exception>
    public T? Read<T>(string what, int known, JsonTypeInfo<T> type)
        where T : class
    {
        if (Read() is not { } bytes) return null;
        try
        {
            using var document = JsonDocument.Parse(bytes);
            if (DocumentFormat.Refusal(what, document.RootElement, known) is { } reason) throw new FailureException($"{device.Path}: {reason}");
            return document.Deserialize(type);
        }
        catch (JsonException e)
        {
            throw new FailureException($"{device.Path}: {what} cannot be read: {e.Message}; bring the site back from its backup", e);
        }
    }

    /// <summary>Writes the next document, unless a newer release wrote the one that is there.</summary>
    /// <param name="next">The document.</param>
    /// <param name="what">What it is, for people.</param>
    /// <param name="known">The newest format that this program knows.</param>
    /// <param name="type">How it is written.</param>
    /// <exception cref="FailureException">A document or a slot of a newer release, which is left as it is, or an I/O error.</exception>
    public void Write<T>(T next, string what, int known, JsonTypeInfo<T> type)
    {
        if (Read() is { } present && ReplacementRefusal(present, what, known) is { } reason) throw new FailureException($"{device.Path}: {reason}");
        Write(JsonSerializer.SerializeToUtf8Bytes(next, type));
    }

    private static string? ReplacementRefusal(byte[] present, string what, int known)
    {
        try
        {
            using var document = JsonDocument.Parse(present);
            return DocumentFormat.ReplacementRefusal(what, document.RootElement, known);
        }
        catch (JsonException)
        {
            return null; // it is of no release
        }
    }

    /// <summary>The newest valid document, or null if neither slot holds one.</summary>
    /// <exception cref="FailureException">An I/O error, or a slot of a newer release.</exception>
    public byte[]? Read() => Newest().Document;

    /// <summary>Writes the document over the older slot and forces it to the medium.</summary>
    /// <exception cref="ArgumentException">The document does not fit.</exception>
    /// <exception cref="FailureException">An I/O error, or a slot of a newer release; the older document is still there.</exception>
    public void Write(ReadOnlySpan<byte> document)
    {
        if (document.Length > slotSize - HeaderLength - DigestLength) throw new ArgumentException($"a document of {document.Length} bytes does not fit into a slot of {slotSize}", nameof(document));
        var (sequence, slot, _) = Newest();
        var block = new byte[(HeaderLength + DigestLength + document.Length + 4095) / 4096 * 4096];
        Magic.CopyTo(block);
        BinaryPrimitives.WriteUInt64BigEndian(block.AsSpan(8), sequence + 1);
        BinaryPrimitives.WriteInt32BigEndian(block.AsSpan(16), document.Length);
        document.CopyTo(block.AsSpan(HeaderLength + DigestLength));
        Digest(block, document, block.AsSpan(HeaderLength, DigestLength));
        device.Write(offset + (long)(1 - slot) * slotSize, block);
        device.Flush();
    }

    private (ulong Sequence, int Slot, byte[]? Document) Newest()
    {
        (ulong Sequence, int Slot, byte[]? Document) newest = (0, 1, null);
        for (var slot = 0; slot < 2; slot++)
            if (TryReadSlot(slot, out var sequence, out var document) && (newest.Document is null || sequence > newest.Sequence))
                newest = (sequence, slot, document);
        return newest;
    }

    private bool TryReadSlot(int slot, out ulong sequence, out byte[] document)
    {
        var at = offset + (long)slot * slotSize;
        Span<byte> header = stackalloc byte[HeaderLength + DigestLength];
        device.Read(at, header);
        if (DocumentFormat.NewerThan(Magic, header) is { } newer) throw new FailureException($"{device.Path}: {DocumentFormat.Newer($"the slot at byte {at}", newer, DocumentFormat.NumberOf(Magic))}");
        sequence = BinaryPrimitives.ReadUInt64BigEndian(header[8..]);
        document = [];
        var length = BinaryPrimitives.ReadInt32BigEndian(header[16..]);
        if (!header.StartsWith(Magic) || length < 0 || length > slotSize - header.Length) return false;
        document = new byte[length];
        device.Read(at + header.Length, document);
        Span<byte> digest = stackalloc byte[DigestLength];
        Digest(header, document, digest);
        return digest.SequenceEqual(header[HeaderLength..]);
    }

    private static void Digest(ReadOnlySpan<byte> header, ReadOnlySpan<byte> document, Span<byte> digest)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header[..HeaderLength]);
        hash.AppendData(document);
        hash.GetHashAndReset(digest);
    }
}

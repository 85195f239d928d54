using System.Text;
using CsCheck;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Tests;

public sealed class SlotStoreTests : IDisposable
{
    private const int SlotSize = 64 << 10;

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"virtualinux-slots-{Guid.NewGuid():N}");

    public SlotStoreTests() => File.WriteAllBytes(_file, new byte[4096 + 2 * SlotSize]);

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void A_blank_device_holds_no_document()
    {
        using var device = BlockDevice.Open(_file, writable: false);
        Assert.Null(Store(device).Read());
    }

    [Fact]
    public void The_last_document_is_read_back()
    {
        using var device = BlockDevice.Open(_file, writable: true);
        for (var i = 0; i < 7; i++)
        {
            Store(device).Write(Encoding.UTF8.GetBytes($"document {i}"));
            Assert.Equal($"document {i}", Encoding.UTF8.GetString(Store(device).Read()!));
        }
    }

    [Fact]
    public void A_write_that_was_torn_anywhere_leaves_the_older_document()
    {
        using var device = BlockDevice.Open(_file, writable: true);
        var older = Enumerable.Repeat((byte)'o', 9000).ToArray();
        Store(device).Write(older);
        var before = File.ReadAllBytes(_file);
        Store(device).Write(Enumerable.Repeat((byte)'n', 9500).ToArray());
        var after = File.ReadAllBytes(_file);
        var first = Enumerable.Range(0, after.Length).First(i => after[i] != before[i]);
        var last = Enumerable.Range(0, after.Length).Last(i => after[i] != before[i]);
        for (var torn = first; torn <= last; torn += 97)
        {
            device.Write(0, before);
            device.Write(first, after.AsSpan(first, torn - first));
            Assert.Equal(older, Store(device).Read());
        }
    }

    [Fact]
    public void Random_bytes_are_no_document() => Gen.Byte.Array[2 * SlotSize].Sample(bytes =>
    {
        using var device = BlockDevice.Open(_file, writable: true);
        "VLSLOT01"u8.CopyTo(bytes);
        device.Write(4096, bytes);
        return Store(device).Read() is null;
    }, iter: 50, threads: 1);

    [Fact]
    public void A_document_that_does_not_fit_is_refused_and_the_older_one_stays()
    {
        using var device = BlockDevice.Open(_file, writable: true);
        Store(device).Write("kept"u8);
        Assert.Throws<ArgumentException>(() => Store(device).Write(new byte[SlotSize]));
        Assert.Equal("kept"u8.ToArray(), Store(device).Read());
    }

    private static SlotStore Store(BlockDevice device) => new(device, 4096, SlotSize);
}

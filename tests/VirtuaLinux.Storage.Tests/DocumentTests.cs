using System.Text;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Storage.Tests;

/// <summary>What releases leave to each other on the SAN. The files under <c>Documents</c> are as a release wrote them and are never changed: a new format gets a file beside them.</summary>
public sealed class DocumentTests : IDisposable
{
    private const string Digest = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"virtualinux-documents-{Guid.NewGuid():N}");

    public DocumentTests()
    {
        using var stream = File.Create(_file);
        stream.SetLength(SanLayout.JournalSize.Bytes);
    }

    public void Dispose() => File.Delete(_file);

    private static SanState State => new()
    {
        SignedManifest = "{}\nAA==\n"u8.ToArray(),
        CaCertificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
        CaKey = "not a key",
        ChapSecret = "secret-of-12",
        Luns = ["naa.6001405aaaaaaaa"],
        Images =
        [
            new ImageInfo
            {
                Image = ImageVersion.Parse("debian-13@2026.11.23-1"), Distribution = "debian-13", KernelRelease = "6.12.48+deb13-amd64", RootSize = 2 << 20, ChunkSize = 1 << 20, Chunks = [Digest, ""], RootDigest = Digest,
                Verity = new VerityTree { RootHash = Digest, Salt = "00ff", DataBlocks = 256, HashStart = 257 }, BootSize = 4096, BootDigest = Digest, Registers = true, SourceDateEpoch = 1_795_000_000,
            },
        ],
    };

    /// <summary>The first releases wrote no format.</summary>
    [Theory]
    [InlineData("state-1.json")]
    [InlineData("state-1-without-format.json")]
    public void The_state_of_format_1_is_read_for_ever(string name)
    {
        Put(File.ReadAllBytes(Document(name)));
        using var device = BlockDevice.Open(_file, writable: false);
        var state = SanState.Read(device)!;
        Assert.Equal(Json(State), Json(state));
        Assert.Equal((1, "secret-of-12", 257L), (state.Format, state.ChapSecret, state.Images[0].Verity!.HashStart));
    }

    [Fact]
    public void The_state_is_written_as_its_format_says()
    {
        Assert.Equal(1, SanState.KnownFormat);
        Assert.Equal(File.ReadAllText(Document("state-1.json")), Json(State) + "\n");
    }

    [Fact]
    public void A_state_of_a_newer_release_is_refused_and_stays_as_it_is()
    {
        Put("""{"format":2}"""u8.ToArray());
        Unharmed(device => SanState.Read(device), "a newer release wrote the site's state: it has format 2");
        Unharmed(device => State.Write(device), "Nothing was changed");
    }

    [Fact]
    public void A_state_that_a_newer_release_lets_this_one_read_is_read_and_not_replaced()
    {
        Put(Encoding.UTF8.GetBytes(Json(State).Replace("\"format\":1", "\"format\":2,\"readableFrom\":1,\"later\":[]", StringComparison.Ordinal)));
        using (var device = BlockDevice.Open(_file, writable: false)) Assert.Equal(2, SanState.Read(device)!.Format);
        Unharmed(device => State.Write(device), "has format 2");
    }

    [Fact]
    public void A_slot_of_this_format_is_read_for_ever_and_written_so()
    {
        using var device = BlockDevice.Open(_file, writable: true);
        var slots = new SlotStore(device, 0, 4096);
        slots.Write("older"u8);
        slots.Write("document"u8);
        var written = new byte[4096];
        device.Read(4096, written);
        Assert.Equal(Hex("slot-1.hex"), written);
        device.Write(0, new byte[8192]);
        device.Write(4096, Hex("slot-1.hex"));
        Assert.Equal("document"u8.ToArray(), slots.Read());
    }

    /// <summary>An empty LUN, to a release that does not know the slot, is one to install onto.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(SanLayout.StateSlotSize)]
    public void A_slot_of_a_newer_release_is_not_taken_for_an_empty_one(int offset)
    {
        Put("{}"u8.ToArray());
        using (var device = BlockDevice.Open(_file, writable: true)) device.Write(SanLayout.StateOffset + offset, "VLSLOT02"u8);
        Unharmed(device => SanState.Read(device), "it has format 2, and this release knows them up to format 1");
        Unharmed(device => State.Write(device), $"a newer release wrote the slot at byte {SanLayout.StateOffset + offset}");
    }

    public static TheoryData<SharedBlock, byte[]> Blocks => new()
    {
        { SharedBlock.Lease, new LeaseBlock(7, Key(1, 2), "node01").ToBytes(512) },
        { SharedBlock.Fences, new FenceBlock(3, [Node(2), Node(4)]).ToBytes(512) },
        { SharedBlock.Move, new MoveBlock(Key(1, 2), Guid.Parse("0b0c5a6e-9d0e-4d63-8f6e-0c5f3f4f0001")).ToBytes(512) },
        { SharedBlock.Serving, new LeaseBlock(7, Key(1, 2), "node01", 1_795_000_000).ToBytes(512) },
        { SharedBlock.Borrows, new BorrowBlock(5, [new Borrow(Node(2), Key(1, 2), BorrowKind.Write), new Borrow(Node(3), Key(1, 2), BorrowKind.Read)]).ToBytes(512) },
    };

    [Theory]
    [MemberData(nameof(Blocks))]
    public void The_blocks_are_written_as_their_format_says(SharedBlock block, byte[] written) =>
        Assert.Equal(Hex($"{block.ToString().ToLowerInvariant()}-1.hex"), written);

    [Fact]
    public void The_blocks_of_this_format_are_read_for_ever()
    {
        Assert.True(LeaseBlock.TryRead(Hex("lease-1.hex"), out var lease));
        Assert.Equal(new LeaseBlock(7, Key(1, 2), "node01"), lease);
        Assert.True(FenceBlock.TryRead(Hex("fences-1.hex"), out var fences));
        Assert.Equal((3UL, "192.168.77.12 192.168.77.14"), (fences.Count, string.Join(' ', fences.Nodes)));
        Assert.True(MoveBlock.TryRead(Hex("move-1.hex"), out var move));
        Assert.Equal(new MoveBlock(Key(1, 2), Guid.Parse("0b0c5a6e-9d0e-4d63-8f6e-0c5f3f4f0001")), move);
        Assert.True(LeaseBlock.TryRead(Hex("serving-1.hex"), out var serving));
        Assert.Equal(new LeaseBlock(7, Key(1, 2), "node01", 1_795_000_000), serving);
        Assert.True(BorrowBlock.TryRead(Hex("borrows-1.hex"), out var borrows));
        Assert.Equal([new Borrow(Node(2), Key(1, 2), BorrowKind.Write), new Borrow(Node(3), Key(1, 2), BorrowKind.Read)], borrows.Borrows);
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task Whoever_meets_a_block_of_a_newer_release_does_not_enter_and_writes_nothing(SharedBlock block, byte[] written)
    {
        var san = new RecordingDisk { [block] = [.. written[..7], (byte)(written[7] + 1), .. written[8..]] };
        var failure = await Assert.ThrowsAsync<FailureException>(() => new Exclusion(san).RefuseNewerAsync());
        Assert.StartsWith($"a newer release wrote {UnreadableBlock.Describe(block)} on the SAN: it has format 2, and this release knows them up to format 1", failure.Message, StringComparison.Ordinal);
        Assert.Empty(san.Changes);
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task Whoever_meets_the_blocks_of_this_release_enters(SharedBlock block, byte[] written)
    {
        var san = new RecordingDisk { [block] = written };
        await new Exclusion(san).RefuseNewerAsync();
        await new Exclusion(san).EnterAsync("node03", Node(3), reserves: true);
        Assert.NotEmpty(san.Changes);
    }

    private void Put(byte[] document)
    {
        using var device = BlockDevice.Open(_file, writable: true);
        new SlotStore(device, SanLayout.StateOffset, SanLayout.StateSlotSize).Write(document);
    }

    private void Unharmed(Action<BlockDevice> work, string said)
    {
        var before = File.ReadAllBytes(_file);
        using (var device = BlockDevice.Open(_file, writable: true)) Assert.Contains(said, Assert.Throws<FailureException>(() => work(device)).Message, StringComparison.Ordinal);
        Assert.True(before.AsSpan().SequenceEqual(File.ReadAllBytes(_file)));
    }

    private static string Json(SanState state) => JsonSerializer.Serialize(state, StorageJson.Default.SanState);

    private static string Document(string name) => Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, "tests", "VirtuaLinux.Storage.Tests", "Documents", name);

    private static byte[] Hex(string name) => Convert.FromHexString(File.ReadAllText(Document(name)).ReplaceLineEndings(""));

    private static Ipv4Address Node(int number) => new(0xC0A8_4D0A + (uint)number);

    private static ReservationKey Key(int node, ushort boot) => new(Node(node), boot);
}

using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Fencing;

/// <summary>What is said of a shared block that this release cannot read, and how it is made anew.</summary>
public static class UnreadableBlock
{
    /// <summary>The names that <c>virtualinux storage repair --block</c> knows them by.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<SharedBlock>().Select(NameOf)];

    /// <summary>The block of a name; null for none.</summary>
    public static SharedBlock? Find(string name) => Enum.GetValues<SharedBlock>().Where(b => NameOf(b) == name).Select(b => (SharedBlock?)b).FirstOrDefault();

    /// <summary>What a block is for, in words.</summary>
    public static string Describe(SharedBlock block) => block switch
    {
        SharedBlock.Lease => "the lease on the site's volumes",
        SharedBlock.Fences => "the list of fenced nodes",
        SharedBlock.Move => "the note of who moves the site to another array",
        SharedBlock.Serving => "the note of who serves the shared volume",
        SharedBlock.Borrows => "the note of whose volumes are in use on other nodes",
        _ => throw new ArgumentOutOfRangeException(nameof(block)),
    };

    /// <summary>The format of a block that a newer release wrote; null where none did.</summary>
    public static int? NewerFormat(SharedBlock block, ReadOnlySpan<byte> bytes) => DocumentFormat.NewerThan(MagicOf(block), bytes);

    /// <summary>Whether this release can read a block.</summary>
    public static bool IsReadable(SharedBlock block, ReadOnlySpan<byte> bytes) => block switch
    {
        SharedBlock.Fences => FenceBlock.TryRead(bytes, out _),
        SharedBlock.Move => MoveBlock.TryRead(bytes, out _),
        SharedBlock.Borrows => BorrowBlock.TryRead(bytes, out _),
        _ => LeaseBlock.TryRead(bytes, out _),
    };

    /// <summary>The failure to throw for a block that cannot be read.</summary>
    public static FailureException Failure(SharedBlock block, ReadOnlySpan<byte> bytes) => new(NewerFormat(block, bytes) is { } format
        ? DocumentFormat.Newer($"{Describe(block)} on the SAN", format, DocumentFormat.NumberOf(MagicOf(block)))
        : $"{Describe(block)} on the SAN (byte {SanLayout.OffsetOf(block)} of partition {SanLayout.PartitionNames[1]}) is damaged: it is neither empty nor of this product. Nothing was changed; switch all nodes off but one, and give 'virtualinux storage repair --block {NameOf(block)}' there, or in the shell of the installer (virtualinux.shell on its kernel command line) when no node is left");

    /// <summary>An empty block.</summary>
    /// <param name="block">Which one.</param>
    /// <param name="count">How often it shall count as changed.</param>
    /// <param name="size">Length of a block of the LUN, in bytes.</param>
    internal static byte[] Empty(SharedBlock block, ulong count, int size) => block switch
    {
        SharedBlock.Fences => new FenceBlock(count, []).ToBytes(size),
        SharedBlock.Move => default(MoveBlock).ToBytes(size),
        SharedBlock.Borrows => new BorrowBlock(count, []).ToBytes(size),
        _ => new LeaseBlock(count, default, "").ToBytes(size),
    };

    private static string NameOf(SharedBlock block) => block.ToString().ToLowerInvariant();

    private static ReadOnlySpan<byte> MagicOf(SharedBlock block) => block switch
    {
        SharedBlock.Fences => FenceBlock.Magic,
        SharedBlock.Move => MoveBlock.Magic,
        SharedBlock.Borrows => BorrowBlock.Magic,
        _ => LeaseBlock.Magic,
    };
}

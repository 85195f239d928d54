using System.Globalization;
using CsCheck;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Partition tables that sfdisk(8) made, and that it must still find whole.</summary>
public sealed class GuidPartitionTableTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly CommandRunner _runner = new();
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"virtualinux-gpt-{Guid.NewGuid():N}.img");

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData(512, 513), InlineData(512, 4096), InlineData(512, 3_000_000)]
    public async Task A_LUN_that_was_grown_has_its_last_partition_up_to_its_end(int before, int after)
    {
        await MakeAsync(before);
        var (old, _) = await ReadAsync();
        Resize(after);
        Grow();
        var (partitions, table) = await ReadAsync();
        Assert.Equal(old.Take(2), partitions.Take(2));
        Assert.Equal((old[2].Name, old[2].First), (partitions[2].Name, partitions[2].First));
        Assert.Equal(after * MiB / 512 - 34, partitions[2].Last);
        Assert.Equal(after * MiB / 512, table.Sectors);
        await HasNoErrorsAsync();
    }

    [Fact]
    public async Task A_LUN_that_grows_again_and_again_stays_whole()
    {
        await MakeAsync(512);
        for (var size = 600; size < 1000; size += 100)
        {
            Resize(size);
            Grow();
            await HasNoErrorsAsync();
        }
        Assert.Equal(900 * MiB / 512 - 34, (await ReadAsync()).Partitions[2].Last);
    }

    [Fact]
    public async Task A_power_cut_at_any_sector_leaves_the_older_table_or_the_new_one()
    {
        await MakeAsync(512);
        var old = (await ReadAsync()).Partitions[2];
        Resize(640);
        var grown = old with { Last = 640 * MiB / 512 - 34 };
        using var disk = BlockDevice.Open(_file, writable: true);
        foreach (var (offset, bytes) in GuidPartitionTable.Read(disk).Growth(disk))
            for (var sector = 0; sector < bytes.Length; sector += 512)
            {
                disk.Write(offset + sector, bytes.AsSpan(sector, 512));
                // Programs ask for the table in every state that a power cut can leave.
                if (sector is 0 or 512 || sector == bytes.Length - 512) Assert.Contains((await ReadAsync()).Partitions[2], (GuidPartition[])[old, grown]);
            }
        Assert.Equal(grown, (await ReadAsync()).Partitions[2]);
        await HasNoErrorsAsync();
    }

    [Fact]
    public async Task A_damaged_table_is_refused_and_left_as_it_is()
    {
        await MakeAsync(64);
        var whole = await File.ReadAllBytesAsync(_file);
        Gen.Select(Gen.Int[512, 512 + 91], Gen.Byte[1, 255]).Sample((at, flip) =>
        {
            var bytes = (byte[])whole.Clone();
            bytes[at] ^= flip;
            File.WriteAllBytes(_file, bytes);
            Assert.Throws<FailureException>(Grow);
            Assert.Equal(bytes, File.ReadAllBytes(_file));
        }, iter: 30, threads: 1);
        whole[1024 + 40] ^= 1;
        await File.WriteAllBytesAsync(_file, whole);
        Assert.Contains("sum of its partitions", Assert.Throws<FailureException>(Grow).Message, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(_file, new byte[MiB]);
        Assert.Contains("no partition table", Assert.Throws<FailureException>(Grow).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_LUN_that_has_shrunk_is_refused()
    {
        await MakeAsync(512);
        Resize(400);
        Assert.Contains("has shrunk", Assert.Throws<FailureException>(Grow).Message, StringComparison.Ordinal);
    }

    private async Task MakeAsync(int mebibytes)
    {
        Resize(mebibytes);
        // As SanLayout.PartitionScript, with a smaller EFI partition.
        await _runner.RunAsync(ExternalCommand.Of("sfdisk", _file).WithInput(SanLayout.PartitionScript().Replace($"size={SanLayout.EfiSize.Bytes / 512}", "size=20480", StringComparison.Ordinal)));
    }

    private void Resize(long mebibytes)
    {
        using var file = new FileStream(_file, FileMode.OpenOrCreate);
        file.SetLength(mebibytes * MiB);
    }

    private void Grow()
    {
        using var disk = BlockDevice.Open(_file, writable: true);
        GuidPartitionTable.Read(disk).Grow(disk);
    }

    /// <summary>What this class reads, after sfdisk has read the same.</summary>
    private async Task<(GuidPartition[] Partitions, GuidPartitionTable Table)> ReadAsync()
    {
        using var disk = BlockDevice.Open(_file, writable: false);
        var table = GuidPartitionTable.Read(disk);
        var dump = (await _runner.RunAsync(ExternalCommand.Of("sfdisk", "--dump", _file))).Output;
        var seen = dump.Split('\n').Where(l => l.StartsWith(_file, StringComparison.Ordinal)).Select(l =>
        {
            var fields = l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..].Split(',').Select(f => f.Split('=', 2)).ToDictionary(f => f[0].Trim(), f => f[^1].Trim());
            var (start, size) = (long.Parse(fields["start"], CultureInfo.InvariantCulture), long.Parse(fields["size"], CultureInfo.InvariantCulture));
            return new GuidPartition(fields["name"].Trim('"'), start, start + size - 1);
        }).ToArray();
        Assert.Equal(seen, table.Partitions);
        return (seen, table);
    }

    private async Task HasNoErrorsAsync() => Assert.Contains("No errors detected", (await _runner.RunAsync(ExternalCommand.Of("sfdisk", "--verify", _file))).Output, StringComparison.Ordinal);
}

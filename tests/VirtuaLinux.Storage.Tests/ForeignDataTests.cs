using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Tests;

/// <summary>Disks that other programs have used; each is left as it was.</summary>
public sealed class ForeignDataTests : IDisposable
{
    private const long Size = 64 << 20;

    private readonly CommandRunner _runner = new();
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"virtualinux-foreign-{Guid.NewGuid():N}.img");

    public ForeignDataTests()
    {
        using var file = File.Create(_file);
        file.SetLength(Size);
    }

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task An_empty_disk_has_none() => Assert.Null(await ForeignData.DescribeAsync(_runner, _file));

    [Fact]
    public async Task A_file_system_is_named_with_its_label()
    {
        await _runner.RunAsync(ExternalCommand.Of("mkfs.ext4", "-q", "-L", "payroll", _file));
        Assert.Equal("ext4 'payroll'", await ForeignData.DescribeAsync(_runner, _file));
    }

    [Fact]
    public async Task A_partition_table_is_found_by_its_copy_alone()
    {
        await _runner.RunAsync(ExternalCommand.Of("sfdisk", _file).WithInput("label: gpt\n,\n"));
        using (var device = BlockDevice.Open(_file, writable: true)) device.Write(0, new byte[1 << 20]);
        Assert.Equal("gpt", await ForeignData.DescribeAsync(_runner, _file));
    }

    /// <summary>An array of disks that ended here keeps its header at the end (md(4), version 1.0).</summary>
    [Fact]
    public async Task A_member_of_a_RAID_is_found()
    {
        byte[] header = [0xFC, 0x4E, 0x2B, 0xA9, 1, 0, 0, 0];
        var at = (Size / 512 - 16 & ~7L) * 512;
        var block = new byte[4096];
        header.CopyTo(block, 0);
        BitConverter.TryWriteBytes(block.AsSpan(144), at / 512);
        using (var device = BlockDevice.Open(_file, writable: true)) device.Write(at, block);
        Assert.NotNull(await ForeignData.DescribeAsync(_runner, _file));
    }

    [Fact]
    public async Task A_physical_volume_of_LVM_is_found()
    {
        var device = (await _runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", _file))).Output.Trim();
        try
        {
            await _runner.RunAsync(ExternalCommand.Of("pvcreate", "--config", $"devices {{ use_devicesfile=0 filter=[\"a|^{device}$|\",\"r|.*|\"] }}", device));
            Assert.Equal("LVM2_member", await ForeignData.DescribeAsync(_runner, device));
        }
        finally
        {
            await _runner.RunAsync(ExternalCommand.Of("losetup", "-d", device));
        }
    }

    [Theory]
    [InlineData(0, "first"), InlineData(777_777, "first"), InlineData(Size - 1, "last"), InlineData(Size - (1 << 20), "last")]
    public async Task Any_byte_at_its_edges_is_found(long at, string place)
    {
        using (var device = BlockDevice.Open(_file, writable: true)) device.Write(at, [1]);
        Assert.Equal($"data of no kind that we know in its {place} MiB (byte {at})", await ForeignData.DescribeAsync(_runner, _file));
    }
}

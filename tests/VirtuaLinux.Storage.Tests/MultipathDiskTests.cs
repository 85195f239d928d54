namespace VirtuaLinux.Storage.Tests;

public sealed class MultipathDiskTests
{
    [Theory]
    [InlineData("naa.60000000000000000000000000ab00a0", "360000000000000000000000000ab00a0")]
    [InlineData("eui.0025385b71b006de", "20025385b71b006de")]
    [InlineData("t10.VIRTUALX LAB  SAN   vl-lab-san ", "1VIRTUALX_LAB_SAN_vl-lab-san")]
    [InlineData("uuid.c0ffee", null)]
    [InlineData("naa.", null)]
    [InlineData("", null)]
    public void A_device_has_the_name_that_multipathd_would_give_it(string wwid, string? name) => Assert.Equal(name, MultipathDisk.NameOf(wwid));

    [Fact]
    public void All_paths_are_one_group_and_what_none_can_reach_waits() =>
        Assert.Equal("0 67108864 multipath 1 queue_if_no_path 0 1 1 service-time 0 2 1 8:0 1 8:16 1", MultipathDisk.Table(67108864, ["8:0", "8:16"]));

    [Fact]
    public void Partitions_are_counted_in_sectors_of_512_bytes_whatever_the_disk_counts_in()
    {
        const string table = """{ "partitiontable": { "label": "gpt", "device": "/dev/mapper/360ab", "unit": "sectors", "sectorsize": SIZE, "partitions": [ { "node": "/dev/mapper/360ab1", "start": 2048, "size": 524288 }, { "node": "/dev/mapper/360ab-part3", "start": 559104, "size": 100 } ] } }""";
        Assert.Equal([(1, 2048, 524288), (3, 559104, 100)], MultipathDisk.Partitions(table.Replace("SIZE", "512", StringComparison.Ordinal)));
        Assert.Equal((1, 16384, 4194304), MultipathDisk.Partitions(table.Replace("SIZE", "4096", StringComparison.Ordinal))[0]);
        Assert.Empty(MultipathDisk.Partitions("""{ "partitiontable": { "label": "gpt" } }"""));
    }

    [Theory]
    [InlineData("/dev/sda", "/dev/sda3")]
    [InlineData("/dev/nvme0n1", "/dev/nvme0n1p3")]
    [InlineData("/dev/mapper/360ab", "/dev/mapper/360ab-part3")]
    public void A_partition_is_named_as_its_kind_of_disk_names_it(string disk, string partition) => Assert.Equal(partition, SanLayout.Partition(disk, 3));
}

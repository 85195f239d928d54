using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install.Tests;

/// <summary>What a LUN carries, told by the real sfdisk and blkid from a file in its place.</summary>
public sealed class SanInspectionTests : IDisposable
{
    private static readonly Journal Interrupted = new() { Site = "blade16", SiteId = Guid.Empty, Image = ImageVersion.Parse("debian-13@1"), RootDigest = "d1", Step = InstallStep.WriteOrigin, Holder = "elsewhere" };

    private readonly CommandRunner _runner = new();
    private readonly string _device = Path.Combine(Path.GetTempPath(), $"virtualinux-lun-{Guid.NewGuid():N}.img");

    public SanInspectionTests()
    {
        using var file = File.Create(_device);
        file.SetLength(1L << 30);
    }

    public void Dispose()
    {
        File.Delete(_device);
        File.Delete(SanLayout.Partition(_device, 2));
    }

    [Fact]
    public async Task Zeros_are_a_blank_LUN() => Assert.IsType<SanContent.Blank>(await InspectAsync());

    [Fact]
    public async Task A_file_system_is_named()
    {
        await _runner.RunAsync(ExternalCommand.Of("mke2fs", "-q", "-t", "ext4", "-L", "payroll", _device));
        var foreign = Assert.IsType<SanContent.Foreign>(await InspectAsync());
        Assert.Contains("LABEL=payroll", foreign.Description, StringComparison.Ordinal);
        Assert.Contains("TYPE=ext4", foreign.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Partitions_of_others_are_named()
    {
        await PartitionAsync("label: gpt\nname=\"accounts\"\n");
        Assert.Contains("accounts", Assert.IsType<SanContent.Foreign>(await InspectAsync()).Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_without_any_structure_is_not_taken_for_blank()
    {
        using (var device = BlockDevice.Open(_device, writable: true)) device.Write(70000, [1, 2, 3]);
        Assert.IsType<SanContent.Foreign>(await InspectAsync());
    }

    [Fact]
    public async Task Our_partitions_without_a_journal_are_blank_and_with_one_they_are_ours()
    {
        await PartitionAsync(SanLayout.PartitionScript());
        await using (var partition = File.Create(SanLayout.Partition(_device, 2))) partition.SetLength(SanLayout.JournalSize.Bytes);
        Assert.IsType<SanContent.Blank>(await InspectAsync());
        using (var journal = BlockDevice.Open(SanLayout.Partition(_device, 2), writable: true)) Interrupted.Write(journal);
        var ours = Assert.IsType<SanContent.Ours>(await InspectAsync());
        Assert.Equal(Interrupted with { Times = [] }, ours.Journal with { Times = [] });
        Assert.False(ours.HolderIsAlive);
    }

    private async Task<SanContent> InspectAsync()
    {
        var site = new Site { Name = "blade16", Networks = new Dictionary<string, SiteNetwork>(), Nodes = [] };
        return await SanInspection.InspectAsync(_runner, site, _device);
    }

    private Task<CommandResult> PartitionAsync(string script) => _runner.RunAsync(ExternalCommand.Of("sfdisk", "--no-tell-kernel", _device).WithInput(script));
}

using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

public class OriginStateTests
{
    [Fact]
    public void The_kernel_gets_the_image_s_hash_tree_and_no_option_that_lets_a_block_pass_or_stops_the_machine() => Assert.Equal(
        "0 8192 verity 1 /dev/mapper/vl-origin-data /dev/mapper/vl-origin-data 4096 4096 1024 1025 sha256 aa bb\n",
        NodeVolumes.VerityTable(new VerityTree { RootHash = "aa", Salt = "bb", DataBlocks = 1024, HashStart = 1025 }, "/dev/mapper/vl-origin-data"));

    [Fact]
    public async Task The_origin_below_another_node_s_root_is_held_against_its_hash_tree_too()
    {
        var kernel = new Kernel();
        var volumes = Volumes(kernel);
        // Nothing is mapped here, so no block can be read: that is the last step.
        await Assert.ThrowsAsync<FailureException>(() => volumes.MapOriginAsync(Image(new VerityTree { RootHash = new string('a', 64), Salt = "bb", DataBlocks = 256, HashStart = 257 }), "vl-node02-origin"));
        Assert.Equal(
            [
                "create vl-node02-origin-data --readonly --uuid virtualinux-origin-debian-13_1+vl-node02-origin-data: 0 8192 linear /dev/pv 2048",
                $"create vl-node02-origin --readonly: 0 2048 verity 1 /dev/mapper/vl-node02-origin-data /dev/mapper/vl-node02-origin-data 4096 4096 256 257 sha256 {new string('a', 64)} bb",
            ],
            kernel.Asked);
    }

    [Fact]
    public async Task The_origin_of_an_image_without_a_hash_tree_is_mapped_as_it_is()
    {
        var kernel = new Kernel();
        Assert.Equal("/dev/mapper/vl-node02-origin", await Volumes(kernel).MapOriginAsync(Image(null), "vl-node02-origin"));
        Assert.Equal(["create vl-node02-origin --readonly --uuid virtualinux-origin-debian-13_1+vl-node02-origin: 0 8192 linear /dev/pv 2048"], kernel.Asked);
    }

    private static NodeVolumes Volumes(Kernel kernel)
    {
        var group = new VolumeGroup { Name = "virtualinux", Id = "", Sequence = 1, ExtentSectors = 8192, PhysicalVolumes = [new PhysicalVolume("pv0", "", 2048, 8192)], Volumes = [] };
        return new NodeVolumes(kernel, NodeVolumes.MarkVerified(NodeVolumes.AddImage(group, Image(null)), Image(null).Image), new Dictionary<string, string> { ["pv0"] = "/dev/pv" });
    }

    private static ImageInfo Image(VerityTree? tree) => new() { Image = ImageVersion.Parse("debian-13@1"), Distribution = "debian-13", KernelRelease = "6", RootSize = 2 << 20, ChunkSize = 1 << 20, Chunks = [], RootDigest = "aa", Verity = tree, BootSize = 4096, BootDigest = "bb", SourceDateEpoch = 0 };

    /// <summary>Notes what dmsetup(8) is asked.</summary>
    private sealed class Kernel : ICommandRunner
    {
        public List<string> Asked { get; } = [];

        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default)
        {
            Asked.Add($"{string.Join(' ', command.Arguments)}: {command.Input?.Trim()}");
            return Task.FromResult(new CommandResult(0, "", ""));
        }
    }

    [Theory]
    [InlineData("0 1048576 verity V\n", OriginState.Verified)]
    [InlineData("0 1048576 verity C\n", OriginState.Corrupt)]
    [InlineData("0 1048576 verity V -\n", OriginState.Verified)]
    [InlineData("0 1048576 linear \n", OriginState.Unprotected)]
    [InlineData("0 819200 linear \n819200 229376 linear \n", OriginState.Unprotected)]
    public void What_the_kernel_says_of_an_origin_is_understood(string status, OriginState state) => Assert.Equal(state, NodeVolumes.ParseOriginState(status));

    [Theory]
    [InlineData("")]
    [InlineData("0 1048576 verity")]
    [InlineData("0 1048576 verity X\n")]
    [InlineData("0 1048576 snapshot V\n")]
    public void What_is_not_understood_is_no_good_news(string status) => Assert.Throws<FailureException>(() => NodeVolumes.ParseOriginState(status));
}

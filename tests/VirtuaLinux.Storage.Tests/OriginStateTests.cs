using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Tests;

public class OriginStateTests
{
    [Fact]
    public void The_kernel_gets_the_image_s_hash_tree_and_no_option_that_lets_a_block_pass_or_stops_the_machine() => Assert.Equal(
        "0 8192 verity 1 /dev/mapper/vl-origin-data /dev/mapper/vl-origin-data 4096 4096 1024 1025 sha256 aa bb\n",
        NodeVolumes.VerityTable(new VerityTree { RootHash = "aa", Salt = "bb", DataBlocks = 1024, HashStart = 1025 }, "/dev/mapper/vl-origin-data"));

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

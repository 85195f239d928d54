using VirtuaLinux.NetBoot.Http;

namespace VirtuaLinux.NetBoot.Tests.Http;

public class ByteRangeTests
{
    [Theory]
    [InlineData("bytes=0-0", 0, 1)]
    [InlineData("bytes=0-", 0, 10)]
    [InlineData("bytes=3-5", 3, 3)]
    [InlineData("bytes=3-500", 3, 7)]
    [InlineData("bytes=-4", 6, 4)]
    [InlineData("bytes=-400", 0, 10)]
    [InlineData("BYTES=9-9", 9, 1)]
    public void A_part_is_found(string header, long offset, long length)
    {
        Assert.True(ByteRange.TryParse(header, 10, out var range));
        Assert.Equal(new ByteRange(offset, length), range);
    }

    [Theory]
    [InlineData("bytes=10-")]
    [InlineData("bytes=10-20")]
    [InlineData("bytes=-0")]
    public void A_part_behind_the_end_cannot_be_had(string header) => Assert.False(ByteRange.TryParse(header, 10, out _));

    [Theory]
    [InlineData("")]
    [InlineData("bytes")]
    [InlineData("bytes=")]
    [InlineData("bytes=-")]
    [InlineData("bytes=5-3")]
    [InlineData("bytes=a-b")]
    [InlineData("bytes=1-2,4-5")]
    [InlineData("bytes=--1")]
    [InlineData("bytes=99999999999999999999-")]
    [InlineData("lines=1-2")]
    public void Anything_else_is_ignored(string header) => Assert.Null(ByteRange.TryParse(header, 10, out _));
}

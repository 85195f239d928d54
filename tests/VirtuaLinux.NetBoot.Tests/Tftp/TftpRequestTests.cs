using System.Text;
using CsCheck;
using VirtuaLinux.NetBoot.Tftp;

namespace VirtuaLinux.NetBoot.Tests.Tftp;

public class TftpRequestTests
{
    [Fact]
    public void All_options_are_read_in_any_case()
    {
        var request = Parse("\0\u0001boot/vmlinuz\0OCTET\0BlkSize\01468\0tsize\00\0TIMEOUT\03\0windowsize\016\0");
        Assert.Equal(new TftpRequest { Opcode = TftpOpcode.ReadRequest, FileName = "boot/vmlinuz", IsText = false, BlockSize = 1468, WantsSize = true, TimeoutSeconds = 3, WindowSize = 16 }, request);
    }

    [Theory]
    [InlineData("blksize\07\0")]
    [InlineData("blksize\01\0")]
    [InlineData("blksize\065465\0")]
    [InlineData("blksize\0-512\0")]
    [InlineData("blksize\0\0")]
    [InlineData("blksize\099999999999999\0")]
    [InlineData("xblksize\01468\0")]
    [InlineData("blksize2\01468\0")]
    [InlineData("blksize\01468")]
    [InlineData("timeout\00\0")]
    [InlineData("timeout\0256\0")]
    [InlineData("windowsize\00\0")]
    public void An_option_that_makes_no_sense_is_left_out(string options)
    {
        var request = Parse("\0\u0001f\0octet\0" + options)!;
        Assert.Null(request.BlockSize);
        Assert.Null(request.TimeoutSeconds);
        Assert.Null(request.WindowSize);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("\0\u0001")]
    [InlineData("\0\u0001file")]
    [InlineData("\0\u0001file\0")]
    [InlineData("\0\u0001file\0octet")]
    [InlineData("\0\u0001file\0mail\0")]
    [InlineData("\0\u0001\0octet\0")]
    [InlineData("\0\u0004\0\u0001")]
    public void A_malformed_request_is_refused_with_a_reason(string packet)
    {
        Assert.False(TftpRequest.TryParse(Encoding.Latin1.GetBytes(packet), out _, out var reason));
        Assert.NotEmpty(reason);
    }

    [Fact]
    public void Random_bytes_are_never_an_exception() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        if (!TftpRequest.TryParse(bytes, out _, out var reason)) Assert.NotEmpty(reason);
        if (bytes.Length < 2) return;
        (bytes[0], bytes[1]) = (0, 1);
        if (TftpRequest.TryParse(bytes, out var request, out _)) BootPath.TryNormalize(request!.FileName, out _);
    }, iter: 5000);

    private static TftpRequest? Parse(string packet)
    {
        Assert.True(TftpRequest.TryParse(Encoding.Latin1.GetBytes(packet), out var request, out _));
        return request;
    }
}

using CsCheck;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot.Tests.Dhcp;

public class DhcpMessageTests
{
    private static readonly Gen<(DhcpOption Code, byte[] Value)> GenOption =
        Gen.Select(Gen.Byte[1, 254].Where(c => c is not (52 or 53)).Select(c => (DhcpOption)c), Gen.Byte.Array[0, 60]);

    private static readonly Gen<DhcpHeader> GenHeader =
        Gen.Select(Gen.UInt, Gen.UShort, Gen.UInt, Gen.UInt, Gen.ULong[0, (1UL << 48) - 1]).Select((id, flags, a, b, mac) => new DhcpHeader
        {
            Operation = 1,
            Hops = (byte)a,
            TransactionId = id,
            Seconds = (ushort)b,
            Flags = flags,
            ClientAddress = new Ipv4Address(a),
            YourAddress = new Ipv4Address(b),
            NextServer = new Ipv4Address(a ^ b),
            RelayAddress = new Ipv4Address(a + b),
            ClientMac = new MacAddress(mac),
        });

    [Fact]
    public void What_is_written_is_read_back() =>
        Gen.Select(GenHeader, GenOption.Array[0, 12], Gen.Int[1, 8]).Sample((header, options, type) =>
        {
            var buffer = new byte[DhcpMessage.MaximumLength];
            var writer = new DhcpWriter(buffer, header, (DhcpMessageType)type);
            foreach (var (code, value) in options) writer.Add(code, value);
            var length = writer.Finish();
            Assert.True(DhcpMessage.TryParse(buffer.AsSpan(0, length), out var message, out _));
            Assert.Equal((DhcpMessageType)type, message.Type);
            Assert.Equal(header, new DhcpHeader
            {
                Operation = message.Operation,
                Hops = message.Hops,
                TransactionId = message.TransactionId,
                Seconds = message.Seconds,
                Flags = message.Flags,
                ClientAddress = message.ClientAddress,
                YourAddress = message.YourAddress,
                NextServer = message.NextServer,
                RelayAddress = message.RelayAddress,
                ClientMac = message.ClientMac,
            });
            foreach (var group in options.GroupBy(o => o.Code))
            {
                Assert.True(message.TryGetOption(group.Key, out var value));
                Assert.Equal(group.First().Value, value.ToArray());
                var whole = new byte[DhcpMessage.MaximumLength];
                Assert.Equal(group.SelectMany(o => o.Value), whole[..message.CopyOption(group.Key, whole)]);
            }
        });

    [Fact]
    public void Random_bytes_are_never_an_exception() => Gen.Byte.Array[0, 600].Sample(bytes =>
    {
        ReadEverything(bytes);
        if (bytes.Length < DhcpMessage.HeaderLength + 3) return;
        // The same bytes behind a valid start reach the option parser.
        DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1)).AsSpan(0, DhcpMessage.HeaderLength + 3).CopyTo(bytes);
        ReadEverything(bytes);
    }, iter: 5000);

    [Fact]
    public void A_message_cut_anywhere_is_refused_or_read_without_an_exception()
    {
        var whole = DhcpPacket.Request(DhcpMessageType.Request, TestSite.Node(1), (DhcpOption.VendorClass, "PXEClient"u8.ToArray()));
        for (var length = 0; length < whole.Length; length++) ReadEverything(whole.AsSpan(0, length));
        Assert.False(DhcpMessage.TryParse(whole.AsSpan(0, DhcpMessage.HeaderLength - 1), out _, out var fault));
        Assert.Equal(DhcpFault.TooShort, fault);
    }

    [Fact]
    public void A_truncated_option_is_refused()
    {
        var packet = DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1));
        packet[DhcpMessage.HeaderLength + 3] = 61;
        packet[DhcpMessage.HeaderLength + 4] = 200;
        Assert.False(DhcpMessage.TryParse(packet, out _, out var fault));
        Assert.Equal(DhcpFault.TruncatedOption, fault);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(17)]
    [InlineData(255)]
    public void A_hardware_address_that_is_not_six_bytes_is_refused(byte length)
    {
        var packet = DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1));
        packet[2] = length;
        Assert.False(DhcpMessage.TryParse(packet, out _, out var fault));
        Assert.Equal(DhcpFault.NotEthernet, fault);
    }

    [Fact]
    public void Options_in_the_file_and_sname_fields_are_found()
    {
        var packet = DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1), (DhcpOption.Overload, [3]));
        byte[] inFile = [60, 4, (byte)'f', (byte)'i', (byte)'l', (byte)'e', 255];
        byte[] inName = [77, 4, (byte)'i', (byte)'P', (byte)'X', (byte)'E', 255];
        inFile.CopyTo(packet, 108);
        inName.CopyTo(packet, 44);
        Assert.True(DhcpMessage.TryParse(packet, out var message, out _));
        Assert.True(message.TryGetOption(DhcpOption.VendorClass, out var value) && value.SequenceEqual("file"u8));
        Assert.True(message.TryGetOption(DhcpOption.UserClass, out value) && value.SequenceEqual("iPXE"u8));
        Assert.True(message.File.IsEmpty && message.ServerName.IsEmpty);
    }

    [Fact]
    public void The_first_of_two_equal_options_counts()
    {
        var packet = DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1), (DhcpOption.HostName, [1]), (DhcpOption.HostName, [2]));
        Assert.True(DhcpMessage.TryParse(packet, out var message, out _));
        Assert.True(message.TryGetOption(DhcpOption.HostName, out var value) && value.SequenceEqual((byte[])[1]));
    }

    [Fact]
    public void A_list_of_addresses_with_a_byte_too_many_is_no_address()
    {
        var packet = DhcpPacket.Request(DhcpMessageType.Request, TestSite.Node(1), (DhcpOption.RequestedAddress, [1, 2, 3, 4, 5]));
        Assert.True(DhcpMessage.TryParse(packet, out var message, out _));
        Assert.False(message.TryGetAddress(DhcpOption.RequestedAddress, out _));
    }

    [Fact]
    public void What_does_not_fit_goes_into_file_and_sname_and_the_rest_is_left_out()
    {
        var buffer = new byte[DhcpWriter.MinimumLength];
        var writer = new DhcpWriter(buffer, new DhcpHeader { Operation = 2 }, DhcpMessageType.Offer);
        byte[] Value(byte b, int length) => [.. Enumerable.Repeat(b, length)];
        Assert.True(writer.Add(DhcpOption.Message, Value(1, 40)));
        Assert.False(writer.Add(DhcpOption.ClientIdentifier, Value(2, 200)));
        Assert.True(writer.Add(DhcpOption.VendorClass, Value(3, 100)));
        Assert.True(writer.Add(DhcpOption.HostName, Value(4, 50)));
        Assert.False(writer.Add(DhcpOption.DomainName, Value(5, 20)));
        Assert.Equal(buffer.Length, writer.Finish());
        Assert.True(DhcpMessage.TryParse(buffer, out var message, out _));
        foreach (var (code, value) in new[] { (DhcpOption.Message, Value(1, 40)), (DhcpOption.VendorClass, Value(3, 100)), (DhcpOption.HostName, Value(4, 50)) })
            Assert.True(message.TryGetOption(code, out var found) && found.SequenceEqual(value));
        Assert.False(message.TryGetOption(DhcpOption.ClientIdentifier, out _) || message.TryGetOption(DhcpOption.DomainName, out _));
        Assert.True(message.File.IsEmpty && message.ServerName.IsEmpty);
    }

    [Fact]
    public void A_boot_file_keeps_its_field_when_options_overflow()
    {
        var buffer = new byte[DhcpWriter.MinimumLength];
        var writer = new DhcpWriter(buffer, new DhcpHeader { Operation = 2 }, DhcpMessageType.Offer);
        Assert.True(writer.SetFile("loader"u8));
        Assert.True(writer.Add(DhcpOption.Message, new byte[50]));
        Assert.True(writer.Add(DhcpOption.HostName, new byte[40]));
        writer.Finish();
        Assert.True(DhcpMessage.TryParse(buffer, out var message, out _));
        Assert.True(message.File.SequenceEqual("loader"u8) && message.TryGetOption(DhcpOption.HostName, out var name) && name.Length == 40);
    }

    [Fact]
    public void A_long_option_is_split_and_put_together_again()
    {
        var value = Enumerable.Range(0, 700).Select(i => (byte)i).ToArray();
        var packet = DhcpPacket.Request(DhcpMessageType.Discover, TestSite.Node(1), (DhcpOption.RelayAgentInformation, value));
        Assert.True(DhcpMessage.TryParse(packet, out var message, out _));
        var whole = new byte[1024];
        Assert.Equal(value, whole[..message.CopyOption(DhcpOption.RelayAgentInformation, whole)]);
    }

    private static void ReadEverything(ReadOnlySpan<byte> bytes)
    {
        if (!DhcpMessage.TryParse(bytes, out var message, out var fault))
        {
            Assert.NotEqual(DhcpFault.None, fault);
            return;
        }
        for (var code = 0; code < 256; code++) message.TryGetOption((DhcpOption)code, out _);
        _ = message.File.Length + message.ServerName.Length;
        _ = BootDecision.For(message, new BootLoaders(_ => true));
    }
}

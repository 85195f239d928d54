using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;

namespace VirtuaLinux.Model.Tests;

/// <summary>Every value that people write as text: what is printed is read back, and nothing but valid text is read.</summary>
public class TextFormTests
{
    private static readonly Gen<Ipv4Address> Addresses = Gen.UInt.Select(v => new Ipv4Address(v));
    private static readonly Gen<string> Tokens = Gen.Select(Gen.Char.AlphaNumeric, Gen.String["abcXYZ019.-"]).Select((first, rest) => first + rest);

    [Fact]
    public void A_mac_address_is_read_back() => RoundTrip(Gen.ULong[0, 0xffff_ffff_ffff].Select(v => new MacAddress(v)));

    [Fact]
    public void An_ipv4_address_is_read_back() => RoundTrip(Addresses);

    [Fact]
    public void A_subnet_is_read_back() => RoundTrip(Gen.Select(Addresses, Gen.Int[0, 32]).Select((a, n) =>
        new Ipv4Subnet(new Ipv4Address(a.Value & new Ipv4Subnet(a, n).Mask.Value), n)));

    [Fact]
    public void A_range_is_read_back() => RoundTrip(Gen.Select(Addresses, Addresses).Select((a, b) => a <= b ? new Ipv4Range(a, b) : new Ipv4Range(b, a)));

    [Fact]
    public void A_size_is_read_back() => RoundTrip(Gen.OneOf(Gen.Long[0, long.MaxValue], Gen.Select(Gen.Long[0, 4096], Gen.Int[0, 5]).Select((n, unit) => n << (10 * unit))).Select(n => new ByteSize(n)));

    [Fact]
    public void A_percentage_is_read_back() => RoundTrip(Gen.Int[0, 100].Select(n => new Percentage(n)));

    [Fact]
    public void An_image_version_is_read_back() => RoundTrip(Gen.Select(Tokens, Tokens).Select((n, v) => new ImageVersion(n, v)));

    [Fact]
    public void A_portal_is_read_back() => RoundTrip(Gen.Select(Addresses, Gen.Int[1, 65535]).Select((a, p) => new SanPortal(a, p)));

    [Fact]
    public void Bytes_on_the_wire_are_in_network_order() => Gen.Select(Gen.ULong[0, 0xffff_ffff_ffff], Gen.UInt).Sample((mac, ip) =>
    {
        var macBytes = new byte[MacAddress.Length];
        var ipBytes = new byte[4];
        new MacAddress(mac).WriteTo(macBytes);
        new Ipv4Address(ip).WriteTo(ipBytes);
        return MacAddress.FromBytes(macBytes).Value == mac && macBytes[5] == (byte)mac
            && Ipv4Address.FromBytes(ipBytes).Value == ip && ipBytes[3] == (byte)ip
            && Ipv4Address.From(new Ipv4Address(ip).ToIPAddress()).Value == ip
            && Ipv4Address.From(new Ipv4Address(ip).ToIPAddress().MapToIPv6()).Value == ip;
    });

    [Fact]
    public void Random_text_is_never_read_as_something_else_than_it_prints() => Gen.OneOf(Gen.String, Gen.String["0123456789.:-/%abcfxKMGTPiB @"]).Sample(text =>
    {
        Reads<MacAddress>(text);
        Reads<Ipv4Address>(text);
        Reads<Ipv4Subnet>(text);
        Reads<Ipv4Range>(text);
        Reads<ByteSize>(text);
        Reads<Percentage>(text);
        Reads<ImageVersion>(text);
        Reads<SanPortal>(text);
    }, iter: 10_000);

    [Theory]
    [InlineData("52:54:00:77:00:01", "52:54:00:77:00:01")]
    [InlineData("52-54-00-77-AB-cd", "52:54:00:77:ab:cd")]
    [InlineData("525400770001", "52:54:00:77:00:01")]
    [InlineData("5254.0077.0001", null)]
    [InlineData("52:54:00:77:00", null)]
    [InlineData("52:54:00:77:00:1g", null)]
    [InlineData("52:54:00:77:00: 1", null)]
    [InlineData("", null)]
    public void Mac_addresses(string text, string? printed) => Reads<MacAddress>(text, printed);

    [Theory]
    [InlineData("0.0.0.0", "0.0.0.0")]
    [InlineData("255.255.255.255", "255.255.255.255")]
    [InlineData("1.2.3", null)]
    [InlineData("1.2.3.4.5", null)]
    [InlineData("1.2.3.256", null)]
    [InlineData("01.2.3.4", null)]
    [InlineData("1.2.3.+4", null)]
    [InlineData("1..3.4", null)]
    [InlineData(" 1.2.3.4", null)]
    public void Addresses_of_version_4(string text, string? printed) => Reads<Ipv4Address>(text, printed);

    [Theory]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("10.0.0.1/32", "10.0.0.1/32")]
    [InlineData("10.0.0.1/31", null)]
    [InlineData("10.0.0.0/33", null)]
    [InlineData("10.0.0.0/-1", null)]
    [InlineData("10.0.0.0", null)]
    public void Subnets(string text, string? printed) => Reads<Ipv4Subnet>(text, printed);

    [Theory]
    [InlineData("10.0.0.1 - 10.0.0.2", "10.0.0.1-10.0.0.2")]
    [InlineData("10.0.0.1-10.0.0.1", "10.0.0.1-10.0.0.1")]
    [InlineData("10.0.0.2-10.0.0.1", null)]
    [InlineData("10.0.0.2", null)]
    public void Ranges(string text, string? printed) => Reads<Ipv4Range>(text, printed);

    [Theory]
    [InlineData("0", "0B")]
    [InlineData("1024", "1KiB")]
    [InlineData("8GiB", "8GiB")]
    [InlineData("1.5 gib", "1536MiB")]
    [InlineData("0.5KiB", "512B")]
    [InlineData("8191PiB", "8191PiB")]
    [InlineData("8192PiB", null)]
    [InlineData("9223372036854775807", "9223372036854775807B")]
    [InlineData("9223372036854775808", null)]
    [InlineData("1.5", null)]
    [InlineData("1B ", null)]
    [InlineData("1.GiB", null)]
    [InlineData("8GB", null)]
    [InlineData("8G", null)]
    [InlineData("-1GiB", null)]
    [InlineData("GiB", null)]
    [InlineData("1.2.3GiB", null)]
    [InlineData("", null)]
    public void Sizes(string text, string? printed) => Reads<ByteSize>(text, printed);

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(1288490189, "1.2 GiB")]
    public void Rounded_sizes(long bytes, string printed) => Assert.Equal(printed, new ByteSize(bytes).ToRoundedString());

    [Theory]
    [InlineData("0%", "0%")]
    [InlineData("100%", "100%")]
    [InlineData("101%", null)]
    [InlineData("-1%", null)]
    [InlineData("10", null)]
    [InlineData("1.5%", null)]
    public void Percentages(string text, string? printed) => Reads<Percentage>(text, printed);

    [Theory]
    [InlineData("debian-13@2026.11.23-1", "debian-13@2026.11.23-1")]
    [InlineData("-debian@1", null)]
    [InlineData("debian@", null)]
    [InlineData("debian@.1", null)]
    [InlineData("@1", null)]
    [InlineData("debian", null)]
    [InlineData("a_b@1", null)]
    [InlineData("a@b@c", null)]
    [InlineData("../x@1", null)]
    public void Image_versions(string text, string? printed) => Reads<ImageVersion>(text, printed);

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1")]
    [InlineData("10.0.0.1:1", "10.0.0.1:1")]
    [InlineData("10.0.0.1:0", null)]
    [InlineData("10.0.0.1:65536", null)]
    [InlineData("10.0.0.1:", null)]
    [InlineData("san:3260", null)]
    public void Portals(string text, string? printed) => Reads<SanPortal>(text, printed);

    [Theory]
    [InlineData("10.0.0.0/30", "10.0.0.0", false)]
    [InlineData("10.0.0.0/30", "10.0.0.1", true)]
    [InlineData("10.0.0.0/30", "10.0.0.3", false)]
    [InlineData("10.0.0.0/30", "10.0.0.4", false)]
    [InlineData("10.0.0.0/31", "10.0.0.0", true)]
    [InlineData("0.0.0.0/0", "1.2.3.4", true)]
    public void Hosts_of_a_subnet(string subnet, string address, bool host) => Assert.Equal(host, Ipv4Subnet.Parse(subnet).IsHost(Ipv4Address.Parse(address)));

    [Theory]
    [InlineData(10, 1000, 100)]
    [InlineData(33, 10, 3)]
    [InlineData(100, long.MaxValue, long.MaxValue)]
    public void Shares(int percent, long amount, long share) => Assert.Equal(share, new Percentage(percent).Of(amount));

    private static void RoundTrip<T>(Gen<T> values) where T : struct, IParsable<T> => values.Sample(value =>
    {
        var text = value.ToString()!;
        return T.TryParse(text, CultureInfo.InvariantCulture, out var read) && read.Equals(value)
            && Regex.IsMatch(text, Form<T>().Pattern)
            && JsonSerializer.Deserialize($"\"{text}\"", new ParsableContext<T>().Type).Equals(value);
    });

    private static void Reads<T>(string text, string? printed) where T : struct, IParsable<T>
    {
        Assert.Equal(printed, T.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value.ToString() : null);
        Reads<T>(text);
    }

    /// <summary>Parse and TryParse agree, the printed form is stable, and the schema's pattern admits every text that is read.</summary>
    private static void Reads<T>(string text) where T : struct, IParsable<T>
    {
        if (T.TryParse(text, CultureInfo.InvariantCulture, out var value))
        {
            Assert.Equal(value, T.Parse(text, CultureInfo.InvariantCulture));
            Assert.Equal(value, T.Parse(value.ToString()!, CultureInfo.InvariantCulture));
            Assert.Matches(Form<T>().Pattern, text);
            return;
        }
        var error = Assert.Throws<FormatException>(() => T.Parse(text, CultureInfo.InvariantCulture));
        Assert.Contains("; write it as ", error.Message, StringComparison.Ordinal);
        // What the message says to write is right itself.
        Assert.True(T.TryParse(Form<T>().Example, CultureInfo.InvariantCulture, out _));
    }

    private static TextFormAttribute Form<T>() => typeof(T).GetCustomAttribute<TextFormAttribute>()!;

    private sealed class ParsableContext<T> where T : struct, IParsable<T>
    {
        private static readonly JsonSerializerOptions Options = new() { TypeInfoResolver = ModelJson.Default };

        public System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> Type { get; } =
            System.Text.Json.Serialization.Metadata.JsonMetadataServices.CreateValueInfo<T>(Options, new ParsableJsonConverter<T>());
    }
}

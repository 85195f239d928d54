using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Node.Tests;

public sealed class BootParametersTests
{
    [Fact]
    public void A_node_reads_what_the_boot_script_gives()
    {
        var parameters = BootParameters.Parse(new KernelArguments("quiet virtualinux.mode=node virtualinux.mac=52:54:00:77:00:02 virtualinux.ip=192.168.77.12/24 virtualinux.gateway=192.168.77.254 virtualinux.servers=192.168.77.11:80,192.168.77.13:80 console=ttyS0\n"));
        Assert.Equal(BootMode.Node, parameters.Mode);
        Assert.Equal(MacAddress.Parse("52:54:00:77:00:02"), parameters.Mac);
        Assert.Equal(Ipv4Address.Parse("192.168.77.12"), parameters.Ip);
        Assert.Equal(Ipv4Subnet.Parse("192.168.77.0/24"), parameters.Subnet);
        Assert.Equal(Ipv4Address.Parse("192.168.77.254"), parameters.Gateway);
        Assert.Equal(["192.168.77.11:80", "192.168.77.13:80"], parameters.Servers);
    }

    [Theory]
    [InlineData("", "virtualinux.mode")]
    [InlineData("virtualinux.mode=master", "master")]
    [InlineData("virtualinux.mode=node virtualinux.mac=52:54:00:77:00:02", "virtualinux.ip")]
    [InlineData("virtualinux.mode=node virtualinux.mac=52:54:00:77:00:02 virtualinux.ip=192.168.77.12", "virtualinux.ip")]
    [InlineData("virtualinux.mode=node virtualinux.mac=52:54:00:77:00:02 virtualinux.ip=192.168.77.12/33", "virtualinux.ip")]
    [InlineData("virtualinux.mode=hold virtualinux.mac=zz virtualinux.ip=192.168.77.12/24", "virtualinux.mac")]
    public void A_wrong_argument_is_named(string line, string named) =>
        Assert.Contains(named, Assert.Throws<FailureException>(() => BootParameters.Parse(new KernelArguments(line))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("metamaster", BootMode.Metamaster)]
    [InlineData("starter", BootMode.Starter)]
    public void A_machine_that_no_server_booted_needs_nothing_else(string mode, BootMode expected) =>
        Assert.Equal(new BootParameters { Mode = expected, Servers = [] }, BootParameters.Parse(new KernelArguments($"quiet virtualinux.mode={mode}")));
}

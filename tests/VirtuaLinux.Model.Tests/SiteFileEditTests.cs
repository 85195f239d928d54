namespace VirtuaLinux.Model.Tests;

public class SiteFileEditTests
{
    private static readonly MacAddress Mac = MacAddress.Parse("52:54:00:77:00:02");
    private static readonly Ipv4Address Ip = Ipv4Address.Parse("192.168.77.12");

    [Theory]
    [InlineData("nodes:\n  - { name: node01 }   # the first\n\n# end\n", "nodes:\n  - { name: node01 }   # the first\n  - NEW\n\n# end\n")]
    [InlineData("nodes:\n- name: node01\n  ip: 1.2.3.4\nname: x\n", "nodes:\n- name: node01\n  ip: 1.2.3.4\n- NEW\nname: x\n")]
    [InlineData("name: x\nnodes:\n    - name: node01\n      slot: 1", "name: x\nnodes:\n    - name: node01\n      slot: 1\n    - NEW")]
    public void A_machine_goes_behind_the_last_one_and_nothing_else_changes(string before, string after) =>
        Assert.Equal(after.Replace("NEW", "{ name: node02, mac: \"52:54:00:77:00:02\", ip: 192.168.77.12, slot: 2 }", StringComparison.Ordinal), SiteFileEdit.AddNode(before, "node02", Mac, Ip, 2));

    [Theory]
    [InlineData("nodes: [ { name: node01 } ]\n")]
    [InlineData("name: x\n")]
    public void A_list_of_another_form_is_left_to_people(string text) => Assert.Null(SiteFileEdit.AddNode(text, "node02", Mac, Ip, null));

    [Fact]
    public void The_list_of_refused_machines_is_made_and_grows()
    {
        var once = SiteFileEdit.AddRefused("name: x\n", Mac)!;
        Assert.Equal("name: x\nrefused:\n  - \"52:54:00:77:00:02\"\n", once);
        Assert.Equal("name: x\nrefused:\n  - \"52:54:00:77:00:02\"\n  - \"52:54:00:77:00:09\"\n", SiteFileEdit.AddRefused(once, MacAddress.Parse("52:54:00:77:00:09")));
    }
}

using System.Reflection;
using System.Runtime.CompilerServices;

namespace VirtuaLinux.Model.Tests;

public class RecordTests
{
    /// <summary>Generated deserialisation resets optional init-only members that the text leaves out, so that their defaults would be lost without a word.</summary>
    [Fact]
    public void No_optional_member_that_is_init_only_has_a_default()
    {
        var lost = from type in typeof(Site).Assembly.GetExportedTypes()
                   where type is { IsClass: true, IsAbstract: false } && type.GetMethod("<Clone>$") is not null && type.GetConstructor([]) is not null
                   let value = Activator.CreateInstance(type)
                   from member in type.GetProperties()
                   where member.CanWrite && member.GetCustomAttribute<RequiredMemberAttribute>() is null
                   where member.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit))
                   where !Equals(member.GetValue(value), member.PropertyType.IsValueType ? Activator.CreateInstance(member.PropertyType) : null)
                   select $"{type.Name}.{member.Name}";
        Assert.Empty(lost);
    }

    [Fact]
    public void A_manifest_has_every_node_in_the_long_form()
    {
        Assert.Equal(["node01", "node02"], Samples.Manifest.Nodes.Select(n => n.Name));
        Assert.Equal(Ipv4Address.Parse("192.168.77.11"), Samples.Manifest.Nodes[0].Cluster.Ip);
        Assert.Equal("node02", Samples.Manifest.FindNode(MacAddress.Parse("52:54:00:77:00:02"))?.Name);
        Assert.Null(Samples.Manifest.FindNode(MacAddress.Parse("52:54:00:77:00:03")));
    }
}

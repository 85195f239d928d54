using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Install.Tests;

/// <summary>What a technician reads before the yes, against <c>Expectations/</c>; UPDATE_EXPECTATIONS=1 rewrites it.</summary>
public sealed class PlanTests
{
    private static readonly ImageInfo Image = new()
    {
        Image = ImageVersion.Parse("debian-13@2026.11.23-1"),
        Distribution = "debian-13",
        KernelRelease = "6.12.0",
        RootSize = 2L << 30,
        ChunkSize = 4 << 20,
        Chunks = [],
        RootDigest = "0123456789abcdef0123456789abcdef",
        BootSize = 100 << 20,
        BootDigest = "",
        SourceDateEpoch = 0,
    };

    [Theory]
    [InlineData("blank", null)]
    [InlineData("foreign", "TYPE=ext4, LABEL=payroll")]
    public void The_plan_names_everything_that_changes(string name, string? foreign)
    {
        var text = string.Concat(Plan(foreign, ByteSize.FromGiB(100)).Lines().Select(l => l + "\n"));
        var expectation = Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, $"tests/VirtuaLinux.Install.Tests/Expectations/plan-{name}.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_EXPECTATIONS") == "1") File.WriteAllText(expectation, text);
        Assert.Equal(File.ReadAllText(expectation), text);
    }

    [Fact]
    public void A_LUN_that_is_too_small_is_refused_with_what_is_missing()
    {
        // 400 MiB overhead and group, 2 GiB + 100 MiB image, two nodes that begin with a store of 512 MiB, and 512 MiB + 12 MiB each, a tenth in reserve.
        Assert.Contains("it has 4.5 GiB", Plan(null, ByteSize.FromMiB(4608)).Obstacle(), StringComparison.Ordinal);
        Assert.Contains("MiB are missing", Plan(null, ByteSize.FromMiB(4608)).Obstacle(), StringComparison.Ordinal);
        Assert.Null(Plan(null, ByteSize.FromGiB(6)).Obstacle());
    }

    private static Plan Plan(string? foreign, ByteSize size)
    {
        var (site, errors) = SiteFile.Load("site.yaml", """
            version: 1
            name: blade16
            image: debian-13
            networks:
              cluster: { subnet: 192.168.77.0/24, gateway: 192.168.77.254, domain: blade16.internal, discovery: 192.168.77.200-192.168.77.250 }
            san: { portals: [ "192.168.77.1:3260" ], target: "iqn.2026-11.org.virtualinux:san" }
            access:
              - { user: admin, sshKeys: [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl admin" ] }
            volumes: { root: 4GiB, local: 512MiB }
            nodes:
              - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11, slot: 1 }
              - { name: node02, mac: "52:54:00:77:00:02", ip: 192.168.77.12, slot: 2 }

            """);
        Assert.Empty(errors);
        return new Plan(site!, Image, "/dev/sda", "naa.6000000000000001", size, foreign);
    }
}

using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage.Tests;

/// <summary>The kernel's view of two subsystems, one of them over two controllers, in a folder.</summary>
public sealed class NvmeInitiatorTests : IDisposable
{
    private const string Target = "nqn.2026-11.org.virtualinux:san", Initiator = "nqn.2026-11.org.virtualinux:blade16:node01:525400770001";

    private static readonly SiteSan s_san = new() { Transport = SanTransport.NvmeTcp, Portals = [SanPortal.Parse("192.168.77.1"), SanPortal.Parse("192.168.78.1:4421"), SanPortal.Parse("192.168.77.11")], Target = Target };

    private readonly string _classes = Directory.CreateTempSubdirectory().FullName;

    public NvmeInitiatorTests()
    {
        foreach (var (controller, subsystem, target, address) in ((string, string, string, string)[])[("nvme0", "nvme-subsys0", Target, "traddr=192.168.77.1,trsvcid=4420,src_addr=192.168.77.11"), ("nvme1", "nvme-subsys0", Target, "traddr=192.168.78.1,trsvcid=4421"), ("nvme2", "nvme-subsys2", "nqn.2026-11.org.virtualinux:san-other", "traddr=192.168.77.11,trsvcid=4420")])
        {
            Write($"nvme/{controller}/subsysnqn", target);
            Write($"nvme/{controller}/address", address);
            Write($"nvme-subsystem/{subsystem}/subsysnqn", target);
            Directory.CreateSymbolicLink(At($"nvme-subsystem/{subsystem}/{controller}"), At($"nvme/{controller}"));
        }
        Namespace("nvme-subsystem/nvme-subsys0/nvme0n1", "1", "uuid.60000000-0000-4000-8000-00000000ab00");
        Namespace("nvme/nvme0/nvme0c0n1", "1", "uuid.60000000-0000-4000-8000-00000000ab00");
        Namespace("nvme/nvme1/nvme0c1n1", "1", "uuid.60000000-0000-4000-8000-00000000ab00");
        Namespace("nvme-subsystem/nvme-subsys0/nvme0n2", "7", "eui.00112233");
        // It can have one controller only.
        Namespace("nvme/nvme2/nvme2n1", "1", "uuid.60000000-0000-4000-8000-00000000ab10");
    }

    public void Dispose() => Directory.Delete(_classes, recursive: true);

    [Fact]
    public void The_kernel_is_told_to_connect_for_ever_under_the_nodes_own_name() =>
        Assert.Equal($"transport=tcp,traddr=192.168.78.1,trsvcid=4421,nqn={Target},hostnqn={Initiator},hostid={NvmeInitiator.HostIdOf(Initiator)},ctrl_loss_tmo=-1,reconnect_delay=2,keep_alive_tmo=5", Over(s_san).Options(s_san.Portals[1], Initiator));

    [Fact]
    public void A_machine_has_the_same_name_and_identifier_at_every_start_and_another_card_has_others()
    {
        var (card, other) = (MacAddress.Parse("52:54:00:77:00:01"), MacAddress.Parse("52:54:00:77:00:02"));
        Assert.Equal(Initiator, Over(s_san).NameOf("blade16", "node01", card));
        Assert.Equal(NvmeInitiator.HostIdOf(Initiator), NvmeInitiator.HostIdOf(Over(s_san).NameOf("blade16", "node01", card)));
        Assert.NotEqual(NvmeInitiator.HostIdOf(Initiator), NvmeInitiator.HostIdOf(Over(s_san).NameOf("blade16", "node01", other)));
        Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", NvmeInitiator.HostIdOf(Initiator).ToString());
    }

    [Fact]
    public void A_namespace_is_one_disk_over_all_controllers()
    {
        Assert.Equal([("/dev/nvme0n1", "uuid.60000000-0000-4000-8000-00000000ab00"), ("/dev/nvme0n2", "eui.00112233")], Over(s_san).Luns());
        Assert.Equal([("/dev/nvme2n1", "uuid.60000000-0000-4000-8000-00000000ab10")], Over(s_san with { Target = "nqn.2026-11.org.virtualinux:san-other" }).Luns());
        Assert.Empty(Over(s_san with { Target = "nqn.2026-11.org.virtualinux:nobody" }).Luns());
    }

    [Fact]
    public void It_is_found_by_its_number_or_by_its_identifier()
    {
        Assert.Equal("/dev/nvme0n1", Over(s_san).FindLun());
        Assert.Equal("/dev/nvme0n2", Over(s_san with { Lun = 7 }).FindLun());
        Assert.Equal("/dev/nvme0n2", Over(s_san with { Wwid = "eui.00112233" }).FindLun());
        Assert.Equal("/dev/nvme0n2", Over(s_san).FindLun("eui.00112233"));
        Assert.Null(Over(s_san with { Lun = 2 }).FindLun());
    }

    [Fact]
    public void A_portal_without_a_controller_of_the_subsystem_is_missing() => Assert.Equal(["192.168.77.11:4420"], Over(s_san).MissingPortals().Select(p => p.ToString()));

    [Fact]
    public void The_site_says_which_transport()
    {
        Assert.IsType<NvmeInitiator>(ISanTransport.Of(new CommandRunner(), s_san));
        Assert.IsType<IscsiInitiator>(ISanTransport.Of(new CommandRunner(), s_san with { Transport = SanTransport.Iscsi }));
    }

    private NvmeInitiator Over(SiteSan san) => new(new CommandRunner(), san, _classes);

    private string At(string file) => Path.Combine(_classes, file);

    private void Namespace(string folder, string number, string wwid)
    {
        Write($"{folder}/nsid", number);
        Write($"{folder}/wwid", wwid);
    }

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(file))!);
        File.WriteAllText(At(file), text + "\n");
    }
}

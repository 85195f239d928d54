using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>Three bare machines, two with BIOS and one with UEFI, that were installed from the ISO.</summary>
public sealed class InstalledCluster : IAsyncLifetime
{
    /// <summary>How long anything may take here: ten times what it takes on an idle machine with two cores.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(20);

    public TestLab Lab { get; private set; } = null!;

    public ClusterResult Result { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Lab = await TestLab.CreateAsync("e2e", [Firmware.Bios, Firmware.Bios, Firmware.Uefi]);
        Result = await Lab.Cluster.RunAsync(Medium.Cdrom(TestLab.Iso), new LabSiteOptions(), Deadline);
    }

    public ValueTask DisposeAsync() => Lab?.DisposeAsync() ?? ValueTask.CompletedTask;
}

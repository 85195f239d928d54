using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab.Tests;

/// <summary>A lab of one test: an own name, and a state directory that goes with it.</summary>
public sealed class LabFixture : IAsyncDisposable
{
    private static int s_count;

    private LabFixture(LabOptions options) => Options = options;

    public LabOptions Options { get; }

    public LabInstance Lab { get; private set; } = null!;

    /// <summary>The installer ISO; <c>./build.sh --target=Image</c> makes it.</summary>
    public static string Iso => Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, "artifacts/images/debian-13.iso");

    public static Task<LabFixture> UpAsync(params IReadOnlyList<Firmware> blades) => UpAsync(NetworkCard.Virtio, SanKind.Tgt, blades);

    public static Task<LabFixture> UpAsync(NetworkCard card, params IReadOnlyList<Firmware> blades) => UpAsync(card, SanKind.Tgt, blades);

    public static Task<LabFixture> UpAsync(SanKind san) => UpAsync(NetworkCard.Virtio, san, Firmware.Bios);

    /// <summary>A lab with two networks.</summary>
    public static Task<LabFixture> UpTwiceAsync(NetworkCard card = NetworkCard.Virtio, SanKind san = SanKind.Tgt) => UpAsync(card, san, 2, Firmware.Bios);

    private static Task<LabFixture> UpAsync(NetworkCard card, SanKind san, params IReadOnlyList<Firmware> blades) => UpAsync(card, san, 1, blades);

    private static async Task<LabFixture> UpAsync(NetworkCard card, SanKind san, int networks, params IReadOnlyList<Firmware> blades)
    {
        var name = $"t{Environment.ProcessId}x{Interlocked.Increment(ref s_count)}";
        var fixture = new LabFixture(new LabOptions
        {
            StateDirectory = Path.Combine(Path.GetTempPath(), "virtualinux-lab-tests", name),
            Name = name,
            Blades = [.. LabOptions.NumberedBlades(blades).Select(b => b with { MemoryMiB = 256, Card = card })],
            SanKind = san,
            Networks = networks,
            ProbeKernel = Iso,
            SanSize = ByteSize.FromMiB(256),
            Accelerator = Accelerator.Tcg,
        });
        fixture.Lab = await LabInstance.CreateAsync(fixture.Options);
        return fixture;
    }

    public async ValueTask DisposeAsync()
    {
        await LabInstance.DownAsync(Options.StateDirectory);
        Directory.Delete(Options.StateDirectory, recursive: true);
    }
}

using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>The kernel's target in a tier-0 machine of its own (see <see cref="SanKind.Lio"/> and <see cref="SanKind.Nvmet"/>).</summary>
internal sealed class KernelTarget(LabStore store, LabNetwork network, ICommandRunner runner) : ISanTarget
{
    private const string Ready = "SAN ready";
    private static readonly string[] s_iscsi = ["virtio_blk", "virtio_net", "crc32c_generic", "target_core_iblock", "iscsi_target_mod", "9p", "9pnet_virtio"];
    private static readonly string[] s_nvme = ["virtio_blk", "virtio_net", "crc32c_generic", "nvmet", "nvmet_tcp"];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var (state, folder, targets) = (store.Read(), DirectoryOf(store), LabSan.TargetsOf(store));
        var reservations = Directory.CreateDirectory(Path.Combine(folder, "reservations")).FullName;
        var machine = new KernelMachine
        {
            Folder = Path.Combine(folder, "machine"),
            Name = $"{state.Options.Namespace}-san",
            Ports = [.. state.Options.NetworkNumbers.Select(LabNetwork.SanPort)],
            Mac = new MacAddress(0x5254_0077_ff01),
            Devices =
            [
                .. targets.SelectMany(t => t.Files).SelectMany((f, i) => (string[])["-drive", string.Create(CultureInfo.InvariantCulture, $"if=none,id=lun{i + 1},format=raw,discard=unmap,file={BladeMachine.Option(f)}"), "-device", string.Create(CultureInfo.InvariantCulture, $"virtio-blk-pci,drive=lun{i + 1}")]),
                "-fsdev", $"local,id=reservations,security_model=none,path={BladeMachine.Option(reservations)}", "-device", "virtio-9p-pci,fsdev=reservations,mount_tag=reservations",
            ],
        };
        var modules = state.Options.SanKind == SanKind.Nvmet ? s_nvme : s_iscsi;
        await SmallSystem.MakeAsync(machine.Folder, state.Options.ProbeKernel!, modules, [], Init(state.Options, modules, targets), runner, cancellationToken).ConfigureAwait(false);
        var process = await machine.StartAsync(network, state.Accelerator, runner, cancellationToken).ConfigureAwait(false);
        await store.UpdateAsync(s => s with { San = process }, cancellationToken).ConfigureAwait(false);
        await machine.WaitForConsoleAsync(process, Ready, TimeSpan.FromMinutes(3), cancellationToken).ConfigureAwait(false);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (store.Read().San is { } process) await process.KillAsync(cancellationToken).ConfigureAwait(false);
        await store.UpdateAsync(s => s with { San = null }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The machine restarts: sessions break, and come back only with the new secret.</summary>
    public async Task ChangeSecretAsync(CancellationToken cancellationToken)
    {
        await StopAsync(cancellationToken).ConfigureAwait(false);
        await StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What the machine keeps beside its LUN.</summary>
    internal static string DirectoryOf(LabStore store) => Path.Combine(store.Directory, "san");

    private static string Init(LabOptions options, IReadOnlyList<string> modules, IReadOnlyList<(LabTarget Target, IReadOnlyList<string> Files)> targets)
    {
        var template = ProductFiles.Locate("templates/lab/san.init.sbn");
        return TemplateRenderer.Render(template, File.ReadAllText(template), new Dictionary<string, object?>
        {
            ["nvme"] = options.SanKind == SanKind.Nvmet,
            ["modules"] = string.Join(' ', modules),
            // Disks and devices are numbered through all targets.
            ["targets"] = targets.Select((t, index) => (object?)new Dictionary<string, object?>
            {
                ["name"] = t.Target.Name,
                ["serial"] = string.Create(CultureInfo.InvariantCulture, $"vllab{index}"),
                ["user"] = t.Target.User,
                ["secret"] = t.Target.Secret,
                ["luns"] = t.Files.Select((_, i) => (i, Number: targets.Take(index).Sum(b => b.Files.Count) + i)).Select(l => (object?)new Dictionary<string, object?>
                {
                    ["lun"] = l.i + 1,
                    ["number"] = l.Number + 1,
                    ["disk"] = $"/dev/vd{(char)('a' + l.Number)}",
                    ["serial"] = string.Create(CultureInfo.InvariantCulture, $"0000000000000000000ab0{index}a{l.i}"),
                    ["uuid"] = string.Create(CultureInfo.InvariantCulture, $"60000000-0000-4000-8000-00000000ab{index}{l.i}"),
                }).ToList(),
            }).ToList(),
            ["networks"] = options.Portals.Select((portal, i) => (object?)new Dictionary<string, object?>
            {
                ["number"] = i + 1,
                ["card"] = string.Create(CultureInfo.InvariantCulture, $"eth{i}"),
                ["address"] = $"{portal.Address}/{options.Subnet.PrefixLength.ToString(CultureInfo.InvariantCulture)}",
                ["portal"] = portal.ToString(),
                ["host"] = portal.Address.ToString(),
                ["port"] = portal.Port,
            }).ToList(),
            ["ready"] = Ready,
        });
    }
}

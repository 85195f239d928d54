using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Lab;

/// <summary>The site that the lab's blades are meant to become.</summary>
public sealed partial class LabInstance
{
    private const string Secret = "chap.secret", OtherSecret = "other.secret";

    /// <summary>Files of the site volume: <c>site.yaml</c>, rendered from <c>templates/lab/site.yaml.sbn</c>, and <c>chap.secret</c>.</summary>
    public async Task<IReadOnlyDictionary<string, string>> SiteFilesAsync(LabSiteOptions site, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(site);
        var lab = Options;
        var template = ProductFiles.Locate("templates/lab/site.yaml.sbn");
        var network = lab.Subnet.Network.Value;
        var text = TemplateRenderer.Render(template, await File.ReadAllTextAsync(template, cancellationToken).ConfigureAwait(false), new Dictionary<string, object?>
        {
            ["name"] = site.Name,
            ["image"] = site.Image,
            ["subnet"] = lab.Subnet.ToString(),
            ["gateway"] = new Ipv4Address(network + 254).ToString(),
            ["discovery"] = $"{new Ipv4Address(network + 200)}-{new Ipv4Address(network + 250)}",
            ["storage"] = lab.Networks > 1 ? lab.SubnetOf(2).ToString() : null,
            ["nvme"] = lab.SanKind == SanKind.Nvmet,
            ["portals"] = string.Join(", ", lab.Portals.Select(p => $"\"{p}\"")),
            ["target"] = site.Moves ? lab.Other.Name : lab.Target,
            ["chap_user"] = site.Moves ? lab.Other.User : lab.ChapUser,
            ["secret_file"] = site.Moves ? OtherSecret : Secret,
            ["former"] = site.Moves ? new Dictionary<string, object?> { ["target"] = lab.Target, ["chap_user"] = lab.ChapUser, ["secret_file"] = Secret } : null,
            ["ssh_key"] = await PublicKeyAsync(cancellationToken).ConfigureAwait(false),
            ["root"] = site.Root.ToString(),
            ["local"] = site.Local.ToString(),
            ["shared"] = site.Shared?.ToString(),
            ["kernel_arguments"] = site.KernelArguments,
            ["install"] = site.Install,
            ["overwrite_lun"] = site.OverwriteLun,
            ["accept_peers"] = site.AcceptPeers,
            ["nodes"] = lab.Blades.Where(b => site.Nodes is null || site.Nodes.Contains(b.Name)).Concat(site.Planned).Select((b, i) => (object?)new Dictionary<string, object?>
            {
                ["name"] = b.Name,
                ["mac"] = b.Mac.ToString(),
                ["ip"] = b.Ip.ToString(),
                ["storage_mac"] = LabOptions.CardOn(2, b.Mac).ToString(),
                ["storage_ip"] = lab.On(2, b.Ip).ToString(),
                ["slot"] = i + 1,
            }).ToList(),
        });
        var files = new Dictionary<string, string> { ["site.yaml"] = text, [Secret] = (site.ChapSecret ?? lab.ChapSecret) + "\n" };
        if (site.Moves) files[OtherSecret] = lab.Other.Secret + "\n";
        return files;
    }

    /// <summary>Writes the site volume's image into the state directory.</summary>
    /// <param name="site">The site.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<Medium> SiteVolumeAsync(LabSiteOptions site, CancellationToken cancellationToken = default)
    {
        var image = Path.Combine(_store.Directory, "site.img");
        await SiteVolume.CreateAsync(image, await SiteFilesAsync(site, cancellationToken).ConfigureAwait(false), _runner, site.Backup, cancellationToken).ConfigureAwait(false);
        return Medium.SiteVolume(image);
    }
}

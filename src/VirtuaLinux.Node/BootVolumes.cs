using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.NetBoot;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node;

/// <summary>The boot volumes of all images that nodes of the site start, mounted on this node, so that it can serve each node its own.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="own">The image that this node runs, whose boot volume the initrd mounted.</param>
/// <param name="log">Takes a line.</param>
public sealed class BootVolumes(ICommandRunner runner, ImageVersion own, Action<string> log)
{
    private const string Folder = "/run/virtualinux/images";

    private volatile Dictionary<ImageVersion, ExportDirectory> _exports = new() { [own] = new ExportDirectory($"{SiteServices.BootVolume}/export") };
    private string? _complaint;

    /// <summary>The export directory of an image; null when this node does not have it.</summary>
    public ExportDirectory? Find(ImageVersion image) => _exports.GetValueOrDefault(image);

    /// <summary>Mounts what the manifest names and is not there yet, and lets go of what it names no longer. What fails is told once, and tried again at the next call.</summary>
    public async Task FollowAsync(Manifest manifest, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var wanted = manifest.Nodes.Select(manifest.ImageOf).Append(own).ToHashSet();
        try
        {
            var missing = wanted.Except(_exports.Keys).ToList();
            if (missing.Count > 0)
            {
                var volumes = await NodeStorage.Open(runner).ReadVolumesAsync(cancellationToken).ConfigureAwait(false);
                foreach (var image in missing) await MountAsync(volumes, image, cancellationToken).ConfigureAwait(false);
            }
            foreach (var image in _exports.Keys.Except(wanted).ToList()) await ReleaseAsync(image).ConfigureAwait(false);
            _complaint = null;
        }
        catch (FailureException e)
        {
            if (_complaint != e.Message) log($"not every image that the site's nodes start can be served here: {e.Message}");
            _complaint = e.Message;
        }
    }

    private async Task MountAsync(NodeVolumes volumes, ImageVersion image, CancellationToken cancellationToken)
    {
        var device = await volumes.MapAsync(NodeVolumes.BootName(image), DeviceOf(image), readOnly: true, cancellationToken).ConfigureAwait(false);
        var folder = Directory.CreateDirectory($"{Folder}/{image.ToVolumeName()}").FullName;
        await runner.RunAsync(ExternalCommand.Of("mount", "-t", "squashfs", "-o", "ro", device, folder), cancellationToken).ConfigureAwait(false);
        _exports = new(_exports) { [image] = new ExportDirectory($"{folder}/export") };
        log($"{image} is served too: nodes start it");
    }

    private async Task ReleaseAsync(ImageVersion image)
    {
        // Nobody gets it from here any more; a transfer that still runs makes umount(8) fail, and the next call tries again.
        var before = _exports;
        _exports = new(before.Where(e => e.Key != image));
        try
        {
            await runner.RunAsync(ExternalCommand.Of("umount", $"{Folder}/{image.ToVolumeName()}"), CancellationToken.None).ConfigureAwait(false);
            await new DeviceMapper(runner).RemoveAsync(DeviceOf(image), CancellationToken.None).ConfigureAwait(false);
        }
        catch (FailureException)
        {
            _exports = before;
            throw;
        }
    }

    private static string DeviceOf(ImageVersion image) => NodeVolumes.ImageDevice + NodeVolumes.BootName(image);
}

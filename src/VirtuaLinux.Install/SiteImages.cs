using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>The images of a running site, as any of its nodes works on them.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="storage">The site's storage, as this node works on it.</param>
/// <param name="say">Takes a line for people.</param>
public sealed class SiteImages(ICommandRunner runner, NodeStorage storage, Action<string> say)
{
    private const string Mount = "/run/virtualinux/medium";

    private readonly SiteCommit _site = new(runner, storage, say);

    /// <summary>Brings an image to the SAN, verifies it, and lets the site know it. The lease is held for the two commits only; what was interrupted is done again by the same command.</summary>
    /// <param name="path">An installer image (ISO), or a folder with its <c>virtualinux</c> files.</param>
    /// <param name="trusted">Keys of which one must have signed it (<see cref="ImageTrust"/>); none: it is taken as it is.</param>
    /// <param name="fromReserve">Whether it may take from the reserve.</param>
    /// <param name="cancellationToken">Ends it between two steps.</param>
    /// <exception cref="FailureException">It is no image or a damaged one, not signed as it must be, there is not enough space, or the SAN has another of that name and version.</exception>
    public async Task<ImageInfo> AddAsync(string path, IReadOnlyList<VendorKey> trusted, bool fromReserve, CancellationToken cancellationToken = default)
    {
        if (Directory.Exists(path)) return await AddFolderAsync(path, trusted, fromReserve, cancellationToken).ConfigureAwait(false);
        if (!File.Exists(path)) throw new FailureException($"'{path}' is not there; name an installer image (ISO), or the folder with its files");
        Directory.CreateDirectory(Mount);
        await runner.RunAsync(ExternalCommand.Of("mount", "-t", "iso9660", "-o", "loop,ro", path, Mount), cancellationToken).ConfigureAwait(false);
        try
        {
            return await AddFolderAsync(Mount, trusted, fromReserve, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await runner.RunAsync(ExternalCommand.Of("umount", Mount), CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Reads what a medium says of its image.</summary>
    /// <param name="folder">Folder of the medium's <c>virtualinux</c> files.</param>
    /// <exception cref="FailureException">There is none, or its digests do not fit together.</exception>
    public static ImageInfo ReadInfo(string folder)
    {
        var path = Path.Combine(folder, "image.json");
        try
        {
            var image = JsonSerializer.Deserialize(File.ReadAllText(path), ModelJson.OtherVersions.ImageInfo)!;
            return image.Has(image.RootDigest) ? image : throw new FailureException($"{path}: its digests do not fit together; the medium is damaged: write it again from a checked ISO");
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            throw new FailureException($"{path}: {e.Message}; the medium is not of this product, or damaged: write it again from a checked ISO", e);
        }
    }

    /// <summary>Marks an image as one that stays even when no node needs it, or takes that back.</summary>
    /// <exception cref="FailureException">The site has no such image.</exception>
    public Task<Manifest> PinAsync(ImageVersion image, bool pinned, CancellationToken cancellationToken = default) => _site.CommitAsync(
        (state, manifest) =>
        {
            state.Find(manifest, image);
            return (state, manifest.WithPin(image, pinned));
        },
        cancellationToken);

    /// <summary>Deletes volumes that nothing uses: of an image both, after the manifest without it is committed.</summary>
    /// <param name="name">Name of a volume.</param>
    /// <param name="ask">What the nodes of a manifest say, by name; called under the lease.</param>
    /// <param name="withRoots">Whether of an image the roots go too that nodes keep in order to be rolled back to it.</param>
    /// <param name="check">Refuses when somebody may still write to what is freed, given the manifest, what the nodes say, and whether it is an image; called under the lease.</param>
    /// <param name="cancellationToken">Ends it before the first commit.</param>
    /// <exception cref="FailureException">It is in use, or may be; nothing was deleted.</exception>
    public async Task<IReadOnlyList<LedgerEntry>> DeleteAsync(string name, Func<Manifest, CancellationToken, Task<IReadOnlyDictionary<string, NodeStatus>>> ask, bool withRoots, Func<Manifest, IReadOnlyDictionary<string, NodeStatus>, bool, Task> check, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ask);
        ArgumentNullException.ThrowIfNull(check);
        IReadOnlyList<LedgerEntry> gone = [];
        await storage.WithLeaseAsync(async lease =>
        {
            // What is true now, and stays so while the lease is held.
            var (_, manifest) = await storage.ReadSiteAsync(cancellationToken).ConfigureAwait(false);
            var usage = await ask(manifest, cancellationToken).ConfigureAwait(false);
            if (withRoots && NodeVolumes.ImageOf(name) is { } former) manifest = manifest.WithoutFormer(former);
            gone = Ledger.Of(await storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false), manifest, new Dictionary<string, NodeStatus>()).Deletable(name);
            var isImage = gone[0].Kind is "origin" or "boot";
            await check(manifest, usage, isImage).ConfigureAwait(false);
            if (isImage && NodeVolumes.ImageOf(gone[0].Name) is { } image)
            {
                if (Generations.UseOf(image, usage, withRoots: false) is { } use) throw new FailureException($"{use}; nothing was deleted");
                await _site.CommitAsync(lease, (state, _) => (state.WithoutImage(image), manifest.WithoutImage(image)), cancellationToken).ConfigureAwait(false);
            }
            await storage.ChangeAsync(lease, group => group.Remove([.. gone.Select(v => v.Name)]), cancellationToken).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
        return gone;
    }

    /// <summary>Deletes the images that the site went on from (<see cref="Generations.Outlived"/>), and tells it. One that may be in use stays, and why is told.</summary>
    /// <param name="ask">As for <see cref="DeleteAsync"/>.</param>
    /// <param name="check">As for <see cref="DeleteAsync"/>.</param>
    /// <param name="cancellationToken">Ends it between two images.</param>
    /// <exception cref="FailureException">The site cannot be read.</exception>
    public async Task DropOutlivedAsync(Func<Manifest, CancellationToken, Task<IReadOnlyDictionary<string, NodeStatus>>> ask, Func<Manifest, IReadOnlyDictionary<string, NodeStatus>, bool, Task> check, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ask);
        ArgumentNullException.ThrowIfNull(check);
        var manifest = await storage.ReadManifestAsync(cancellationToken).ConfigureAwait(false);
        if (manifest.Images.Count < 2) return;
        foreach (var image in manifest.Outlived(await ask(manifest, cancellationToken).ConfigureAwait(false)))
        {
            try
            {
                var gone = await DeleteAsync(NodeVolumes.OriginName(image), ask, withRoots: false, CheckAsync, cancellationToken).ConfigureAwait(false);
                say($"{image} was dropped, since no node starts it, can go back to it, or uses it: {new ByteSize(gone.Sum(v => v.Size)).ToRoundedString()} free");
            }
            catch (FailureException e)
            {
                // Another node may have been as fast.
                if ((await storage.ReadManifestAsync(cancellationToken).ConfigureAwait(false)).DigestOf(image) is not null) say($"{image} is not needed any more, and stays: {e.Message}; 'virtualinux image delete {image}' tries again, 'image pin' keeps it");
            }

            async Task CheckAsync(Manifest now, IReadOnlyDictionary<string, NodeStatus> status, bool isImage)
            {
                if (!now.Outlived(status).Contains(image)) throw new FailureException("the nodes are not all up with the site's image any more");
                if (Generations.UseOf(image, status, withRoots: true) is { } use) throw new FailureException(use);
                await check(now, status, isImage).ConfigureAwait(false);
            }
        }
    }

    private async Task<ImageInfo> AddFolderAsync(string path, IReadOnlyList<VendorKey> trusted, bool fromReserve, CancellationToken cancellationToken)
    {
        var folder = File.Exists(Path.Combine(path, "image.json")) ? path : Path.Combine(path, "virtualinux");
        var image = ReadInfo(folder);
        if (ImageTrust.Require(folder, trusted) is { } signed) say($"{image.Image} is {signed}");
        await new ImageSteps(runner, image, folder, say, storage.ReadVolumesAsync, (change, token) => storage.ChangeAsync(change, token), (work, token) => storage.WithLeaseAsync(_ => work(), token))
        {
            Check = group => SpaceNeed.OfImage(group, image, storage.Manifest.Volumes.Reserve).Require($"image {image.Image}", fromReserve),
        }.WriteAsync(cancellationToken).ConfigureAwait(false);
        await _site.CommitAsync((state, manifest) => (state.WithImage(image), manifest.WithImage(image.Image, image.RootDigest)), cancellationToken).ConfigureAwait(false);
        return image;
    }
}

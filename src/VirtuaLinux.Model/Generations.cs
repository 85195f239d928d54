namespace VirtuaLinux.Model;

/// <summary>What the site's manifest says of images and of who starts which; none of these counts the serial number up.</summary>
public static class Generations
{
    /// <summary>The site has one image more; no node starts it yet.</summary>
    public static Manifest WithImage(this Manifest manifest, ImageVersion image, string rootDigest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest.DigestOf(image) is not null ? manifest : manifest with { Images = [.. manifest.Images, new ManifestImage { Image = image, RootDigest = rootDigest }] };
    }

    /// <summary>No node can be rolled back to an image any more; each drops the root that it keeps of it at its next start.</summary>
    public static Manifest WithoutFormer(this Manifest manifest, ImageVersion image)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest with { Nodes = [.. manifest.Nodes.Select(n => n.Former == image ? n with { Former = null } : n)] };
    }

    /// <summary>The site has an image no longer, which nothing needs (see <see cref="Manifest.NeedOf"/>).</summary>
    public static Manifest WithoutImage(this Manifest manifest, ImageVersion image)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest with { Images = [.. manifest.Images.Where(i => i.Image != image)] };
    }

    /// <summary>An image stays even when no node needs it, or need not.</summary>
    public static Manifest WithPin(this Manifest manifest, ImageVersion image, bool pinned)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var listed = image == manifest.Image ? Listed(manifest) : manifest;
        return listed with { Images = [.. listed.Images.Select(i => i.Image == image ? i with { Pinned = pinned } : i)] };
    }

    /// <summary>Nodes start other images from now on; of each that ran the image before, that becomes the one that it can be rolled back to. One that never ran it keeps the way back that it has.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="targets">The image of each node that changes, by its name.</param>
    /// <param name="restarting">Those of them that restart at once for it.</param>
    /// <param name="sound">The nodes that are known to run the image that the manifest gives them.</param>
    public static Manifest WithAssigned(this Manifest manifest, IReadOnlyDictionary<string, ImageVersion> targets, IReadOnlySet<string> restarting, IReadOnlySet<string> sound)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(restarting);
        ArgumentNullException.ThrowIfNull(sound);
        ManifestNode Assign(ManifestNode node)
        {
            if (!targets.TryGetValue(node.Name, out var next)) return node;
            var now = manifest.ImageOf(node);
            ImageVersion? former = next != now && (node.Former is null || sound.Contains(node.Name)) ? now : node.Former;
            return node with { Image = next == manifest.Image ? null : next, Former = former == next ? null : former, Restarts = restarting.Contains(node.Name) };
        }
        return manifest with { Nodes = [.. manifest.Nodes.Select(Assign)] };
    }

    /// <summary>When all nodes start the same image, that is the site's, and nodes that are added start it too.</summary>
    public static Manifest Settled(this Manifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        if (manifest.Nodes.Select(manifest.ImageOf).Distinct().ToList() is not [var image] || image == manifest.Image || manifest.DigestOf(image) is not { } digest) return manifest;
        return Listed(manifest) with { Image = image, RootDigest = digest, Nodes = [.. manifest.Nodes.Select(n => n with { Image = null })] };
    }

    /// <summary>The images that the site went on from: there before its present one, once run by a node, and needed by none. None as long as not every node is up with the site's image, its boot ended.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="status">What the nodes say, by name; who is silent is missing.</param>
    public static IReadOnlyList<ImageVersion> Outlived(this Manifest manifest, IReadOnlyDictionary<string, NodeStatus> status)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(status);
        bool IsSettled(ManifestNode node) => manifest.ImageOf(node) == manifest.Image && status.GetValueOrDefault(node.Name) is { State: "up", FailedUnits: not null } now && now.ImageVersion == manifest.Image.ToString();
        // Images are listed in the order in which they came; one that is added again comes last.
        if (!manifest.Nodes.All(IsSettled) || manifest.Images.All(i => i.Image != manifest.Image)) return [];
        return [.. manifest.Images.Select(i => i.Image).TakeWhile(i => i != manifest.Image).Where(i => manifest.NeedOf(i) is null && status.Values.Any(s => s.History?.Any(h => h.Image == i) == true))];
    }

    /// <summary>Who uses an image that no manifest says is needed; null when nobody does.</summary>
    /// <param name="image">The image.</param>
    /// <param name="status">What the nodes say, by name.</param>
    /// <param name="withRoots">Whether a root that a node has not let go of yet counts.</param>
    public static string? UseOf(ImageVersion image, IReadOnlyDictionary<string, NodeStatus> status, bool withRoots)
    {
        ArgumentNullException.ThrowIfNull(status);
        if (status.FirstOrDefault(s => s.Value.Mapped?.Contains(image) == true).Key is { } user) return $"{user} has {image} mapped still: it runs, serves or writes it";
        return withRoots && status.FirstOrDefault(s => s.Value.Generations?.Contains(image) == true).Key is { } keeper ? $"{keeper} keeps a root of {image} until its next start" : null;
    }

    /// <summary>The site's image among the others.</summary>
    private static Manifest Listed(Manifest manifest) =>
        manifest.Images.Any(i => i.Image == manifest.Image) ? manifest : manifest with { Images = [new ManifestImage { Image = manifest.Image, RootDigest = manifest.RootDigest }, .. manifest.Images] };
}

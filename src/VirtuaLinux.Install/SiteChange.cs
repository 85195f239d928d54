using System.Text.Json;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>What a site file changes on a site that exists: machines that were replaced, added or removed, larger volumes, portals, accounts, kernel arguments.</summary>
/// <param name="Current">The manifest on the SAN.</param>
/// <param name="Wanted">The one that follows it.</param>
public sealed record SiteChange(Manifest Current, Manifest Wanted)
{
    /// <summary>Whether the CHAP secret is another one. The secret itself is in no manifest, and not here.</summary>
    public bool HasOtherSecret { get; init; }

    /// <summary>What the change takes of the volume group; null where that was not looked at.</summary>
    public SpaceNeed? Space { get; init; }

    /// <summary>The change that brings a site to what the site file says; it keeps the image that the nodes run.</summary>
    /// <param name="current">The manifest on the SAN.</param>
    /// <param name="site">The site file.</param>
    /// <param name="hasOtherSecret">Whether the file beside it holds another CHAP secret than the site has.</param>
    public static SiteChange To(Manifest current, Site site, bool hasOtherSecret = false)
    {
        ArgumentNullException.ThrowIfNull(current);
        var wanted = Manifest.Compile(site, current.SiteId, current.Serial + 1, current.Image, current.RootDigest);
        // Which node starts which image is not the site file's to say.
        return new SiteChange(current, wanted with
        {
            Format = current.Format,
            ReadableFrom = current.ReadableFrom,
            Images = current.Images,
            // Clients hold on to the address: an address that the file leaves to us stays, whatever else becomes free.
            SharedAddress = site.Shared?.Address is null ? current.SharedAddress ?? wanted.SharedAddress : wanted.SharedAddress,
            Nodes = [.. wanted.Nodes.Select(n => Find(current, n.Name) is { } old ? n with { Image = old.Image, Former = old.Former, Restarts = old.Restarts } : n)],
        })
        { HasOtherSecret = hasOtherSecret };
    }

    /// <summary>Whether nothing changes.</summary>
    public bool IsEmpty => !HasOtherSecret && SignedManifest.SaySame(Current, Wanted with { Serial = Current.Serial });

    /// <summary>The machines that the site did not have.</summary>
    public IEnumerable<ManifestNode> Added => Wanted.Nodes.Where(n => Find(Current, n.Name) is null);

    /// <summary>The machines that the site has no longer. Their volumes stay until somebody deletes them.</summary>
    public IEnumerable<ManifestNode> Removed => Current.Nodes.Where(n => Find(Wanted, n.Name) is null);

    /// <summary>The portals that the site did not have.</summary>
    public IEnumerable<SanPortal> NewPortals => (Wanted.San?.Portals ?? []).Except(Current.San?.Portals ?? []);

    /// <summary>Whether nodes log in to the SAN with another CHAP user or secret from their next start on.</summary>
    public bool ChangesLogin => HasOtherSecret || Current.San?.Chap?.User != Wanted.San?.Chap?.User;

    /// <summary>The machines whose hardware is another than before.</summary>
    public IEnumerable<ManifestNode> Replaced => Wanted.Nodes.Where(n => Find(Current, n.Name) is { } old && Cards(old) != Cards(n));

    /// <summary>The machines that boot even if their address is noted as fenced: who was shut out under it is the old machine, or a removed one, and not in the site any more.</summary>
    public IEnumerable<ManifestNode> LetIn => Replaced.Concat(Added);

    /// <summary>The change in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        foreach (var node in Replaced) yield return $"{node.Name} replaced: {Cards(Find(Current, node.Name)!)} -> {Cards(node)}";
        foreach (var node in Added) yield return $"{node.Name} added: {Cards(node)} {node.Cluster.Ip}, root {Wanted.Volumes.Root} (copy on write), local {Wanted.Volumes.Local}";
        foreach (var node in Removed) yield return $"{node.Name} removed: its volumes stay until 'virtualinux storage delete' deletes them";
        if (Current.Volumes.Root != Wanted.Volumes.Root) yield return $"volumes: root {Current.Volumes.Root} -> {Wanted.Volumes.Root}";
        if (Current.Volumes.Local != Wanted.Volumes.Local) yield return $"volumes: local {Current.Volumes.Local} -> {Wanted.Volumes.Local}";
        if (Current.Volumes.Shared != Wanted.Volumes.Shared) yield return $"volumes: shared {Current.Volumes.Shared} -> {Wanted.Volumes.Shared}";
        if (Current.SharedAddress != Wanted.SharedAddress) yield return $"shared: served on {Wanted.SharedAddress}, mounted on every node";
        if (Current.Volumes.Reserve != Wanted.Volumes.Reserve) yield return $"volumes: reserve {Current.Volumes.Reserve} -> {Wanted.Volumes.Reserve}";
        if (Current.San is { } before && Wanted.San is { } after && !before.Portals.SequenceEqual(after.Portals)) yield return $"san: portals {string.Join(", ", before.Portals)} -> {string.Join(", ", after.Portals)}; running nodes keep the paths that they have until their next start";
        if (Current.San?.Chap?.User != Wanted.San?.Chap?.User) yield return $"san: CHAP user {Current.San?.Chap?.User ?? "none"} -> {Wanted.San?.Chap?.User ?? "none"}";
        if (Current.San?.Chap is { } was && Wanted.San?.Chap is { } will && was.SecretFile != will.SecretFile) yield return $"san: file of the CHAP secret {was.SecretFile} -> {will.SecretFile}";
        if (HasOtherSecret && Current.San?.Chap is not null && Wanted.San?.Chap is not null) yield return "san: another CHAP secret";
        if (ChangesLogin) yield return "san: sessions go on with the user and the secret that they began with until each node's next start: the array must know those until then";
        foreach (var node in Wanted.Nodes.Where(n => Find(Current, n.Name) is { } old && (old.Slot, old.Bmc) != (n.Slot, n.Bmc))) yield return $"{node.Name}: slot or management board";
        if (Json(Current.Access) != Json(Wanted.Access)) yield return "accounts and their keys";
        if (Current.KernelArguments != Wanted.KernelArguments) yield return $"kernel arguments: {Wanted.KernelArguments}";
        if (!Current.Refused.ToHashSet().SetEquals(Wanted.Refused)) yield return $"refused machines: {(Wanted.Refused.Count == 0 ? "none" : string.Join(", ", Wanted.Refused))}";
        if (!Current.Nodes.Select(n => n.Name).Intersect(Wanted.Nodes.Select(n => n.Name)).SequenceEqual(Wanted.Nodes.Select(n => n.Name).Intersect(Current.Nodes.Select(n => n.Name)))) yield return "order of the nodes";
        if (Space is { Needed.Bytes: > 0 } space) yield return $"space: {space}{(!space.Fits ? "; it does NOT fit" : space.TakesReserve ? "; it takes from the reserve" : "")}";
    }

    /// <summary>Why the change cannot be made from a medium while the site lives, or null: it would pull something from under running nodes.</summary>
    public string? Obstacle()
    {
        if (Wanted.Nodes.FirstOrDefault(n => Find(Current, n.Name) is { } old && Addresses(old) != Addresses(n)) is { } moved) return $"nodes: {moved.Name} has other addresses than on the SAN ({Addresses(Find(Current, moved.Name)!)}): write those back";
        if (Wanted.Volumes.Root < Current.Volumes.Root) return $"volumes: root {Wanted.Volumes.Root} is less than the {Current.Volumes.Root} that the roots have, and a root never shrinks: write that back, or more";
        if (Wanted.Volumes.Local < Current.Volumes.Local) return $"volumes: local {Wanted.Volumes.Local} is less than the {Current.Volumes.Local} that the nodes have, and a volume never shrinks: write that back, or more";
        if (Wanted.Volumes.Shared < Current.Volumes.Shared) return $"volumes: shared {Wanted.Volumes.Shared} is less than the {Current.Volumes.Shared} that the SAN has, and a volume never shrinks: write that back, or more";
        if (Current.SharedAddress is { } shared && Wanted.SharedAddress != shared) return $"shared: its address is {shared}, which every node has mounted, and cannot change: write that back";
        if (Wanted.Nodes.FirstOrDefault(n => n.Cluster.Ip == Wanted.SharedAddress) is { } same) return $"nodes: {same.Name} has the address {same.Cluster.Ip} of the shared volume: give it another one";
        if (Json(Current.Networks) != Json(Wanted.Networks)) return $"networks: they are not those on the SAN ({string.Join(", ", Current.Networks.Select(n => $"{n.Key} {n.Value.Subnet}"))}): write those back";
        if (Json(Current.San) != Json(Wanted.San is { } san && Current.San is { } now ? san with { Portals = now.Portals, Chap = now.Chap } : Wanted.San)) return $"san: it is not the one that the nodes use ({Current.San?.Target} at {string.Join(", ", Current.San?.Portals ?? [])}): write that back; 'virtualinux storage migrate' tells how the site moves to another array";
        return null;
    }

    private static ManifestNode? Find(Manifest manifest, string name) => manifest.Nodes.FirstOrDefault(n => n.Name == name);

    private static string Cards(ManifestNode node) => string.Join(", ", node.Interfaces.OrderBy(i => i.Key, StringComparer.Ordinal).Select(i => i.Value.Mac));

    private static string Addresses(ManifestNode node) => string.Join(", ", node.Interfaces.OrderBy(i => i.Key, StringComparer.Ordinal).Select(i => $"{i.Key} {i.Value.Ip}"));

    private static string Json(IReadOnlyList<SiteAccess> access) => JsonSerializer.Serialize(access, ModelJson.Default.IReadOnlyListSiteAccess);

    private static string Json(SiteSan? san) => san is null ? "" : JsonSerializer.Serialize(san, ModelJson.Default.SiteSan);

    private static string Json(IReadOnlyDictionary<string, SiteNetwork> networks) => string.Join(';', networks.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => $"{n.Key} {n.Value}"));
}

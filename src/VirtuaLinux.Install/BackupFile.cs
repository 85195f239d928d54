using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>The file of a site's backup: a tar archive (POSIX.1-2001, pax) with what the site cannot lose, a list of digests as sha256sum(1) writes it, and the site's signature of that list.</summary>
/// <remarks>Whoever has the file has the site's keys and its nodes' files: it is made readable by its owner alone.</remarks>
public static class BackupFile
{
    private const string InfoName = "backup.json", StateName = "site.json", GroupName = "group.vg", SumsName = "SHA256SUMS", SignatureName = "SHA256SUMS.sig";
    private const string LocalFolder = "local/", LocalEnd = ".tar.zst";

    // Manifest, keys, and LVM's text of thousands of volumes fit; what is larger is no backup.
    private const int LargestDocument = 64 << 20;

    /// <summary>Writes a backup; nothing is left of one that fails.</summary>
    /// <param name="path">Where to; it must not exist.</param>
    /// <param name="info">What the backup says of itself.</param>
    /// <param name="state">The site as the SAN keeps it.</param>
    /// <param name="group">LVM's metadata.</param>
    /// <param name="open">Opens the files of a node's <c>local</c> volume (see <see cref="VolumeArchive"/>).</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The file exists, or a volume could not be read to its end.</exception>
    public static async Task WriteAsync(string path, BackupInfo info, SanState state, string group, Func<string, CancellationToken, Task<Stream>> open, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(open);
        if (File.Exists(path)) throw new FailureException($"{path} exists already; give the backup another name");
        var partial = path + ".partial";
        try
        {
            await using (var file = new FileStream(partial, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                await WriteEntriesAsync(file, info, state, group, open, cancellationToken).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
            }
            File.Move(partial, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException)
        {
            throw new FailureException($"the backup {path} was not made: {e.Message}", e);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static async Task WriteEntriesAsync(FileStream file, BackupInfo info, SanState state, string group, Func<string, CancellationToken, Task<Stream>> open, CancellationToken cancellationToken)
    {
        var sums = new StringBuilder();
        await using var tar = new TarWriter(file, TarEntryFormat.Pax, leaveOpen: true);
        await AddAsync(InfoName, new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(info, InstallJson.Default.BackupInfo))).ConfigureAwait(false);
        await AddAsync(StateName, new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(state, StorageJson.Default.SanState))).ConfigureAwait(false);
        await AddAsync(GroupName, new MemoryStream(Encoding.UTF8.GetBytes(group))).ConfigureAwait(false);
        foreach (var node in info.Nodes) await AddAsync(LocalFolder + node + LocalEnd, await open(node, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        var list = Encoding.UTF8.GetBytes(sums.ToString());
        using var identity = SiteIdentity.FromPem(state.CaCertificate, state.CaKey);
        await AddAsync(SumsName, new MemoryStream(list)).ConfigureAwait(false);
        await AddAsync(SignatureName, new MemoryStream(identity.Key.SignData(list, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence))).ConfigureAwait(false);

        async Task AddAsync(string name, Stream content)
        {
            await using var _ = content.ConfigureAwait(false);
            using var hash = SHA256.Create();
            await using var hashed = new CryptoStream(content, hash, CryptoStreamMode.Read);
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite, ModificationTime = info.Made, DataStream = hashed }, cancellationToken).ConfigureAwait(false);
            sums.Append(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(hash.Hash!)}  {name}\n");
        }
    }

    /// <summary>Reads a backup and checks every byte of it: digests, signature, manifest, keys, and that nothing is missing or too much.</summary>
    /// <param name="path">The file.</param>
    /// <param name="onLocal">Takes the files of each node's <c>local</c> volume as they pass; they count only when the whole check ends well.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">It is damaged, was changed, or is of another version of the product.</exception>
    public static async Task<BackupContents> ReadAsync(string path, Func<string, Stream, Task>? onLocal = null, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var file = File.OpenRead(path);
            return await ReadEntriesAsync(path, file, onLocal, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or JsonException or CryptographicException or NotSupportedException)
        {
            throw Damaged(path, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static async Task<BackupContents> ReadEntriesAsync(string path, FileStream file, Func<string, Stream, Task>? onLocal, CancellationToken cancellationToken)
    {
        var documents = new Dictionary<string, byte[]>();
        var locals = new Dictionary<string, long>();
        var sums = new StringBuilder();
        await using var tar = new TarReader(file, leaveOpen: true);
        while (await tar.GetNextEntryAsync(cancellationToken: cancellationToken).ConfigureAwait(false) is { } entry)
        {
            using var hash = SHA256.Create();
            await using var content = new CryptoStream(entry.DataStream ?? new MemoryStream(), hash, CryptoStreamMode.Read);
            if (entry.Name is InfoName or StateName or GroupName or SumsName or SignatureName)
            {
                if (entry.Length > LargestDocument || !documents.TryAdd(entry.Name, await AllOfAsync(content, cancellationToken).ConfigureAwait(false))) throw Damaged(path, $"{entry.Name} is twice in it or too large");
            }
            else if (entry.Name.StartsWith(LocalFolder, StringComparison.Ordinal) && entry.Name.EndsWith(LocalEnd, StringComparison.Ordinal) && entry.Name[LocalFolder.Length..^LocalEnd.Length] is var node && locals.TryAdd(node, entry.Length))
            {
                if (onLocal is not null) await onLocal(node, content).ConfigureAwait(false);
                await content.CopyToAsync(Stream.Null, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                throw Damaged(path, $"'{entry.Name}' does not belong into it");
            }
            if (entry.Name is not (SumsName or SignatureName)) sums.Append(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(hash.Hash!)}  {entry.Name}\n");
        }
        if (((string[])[InfoName, StateName, GroupName, SumsName, SignatureName]).FirstOrDefault(n => !documents.ContainsKey(n)) is { } missing) throw Damaged(path, $"{missing} is missing, so its end is, or it is no backup of a site");
        // What another version wrote may be right and still not be known here.
        RefuseNewer(path, "the backup", documents[InfoName], BackupInfo.KnownFormat);
        RefuseNewer(path, SanState.What, documents[StateName], SanState.KnownFormat);
        var info = JsonSerializer.Deserialize(documents[InfoName], InstallJson.Default.BackupInfo)!;
        if (!documents[SumsName].AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(sums.ToString()))) throw Damaged(path, "what is in it does not have the digests that were noted");
        return Checked(path, documents, info, locals);
    }

    private static void RefuseNewer(string path, string what, byte[] bytes, int known)
    {
        using var document = JsonDocument.Parse(bytes);
        if (DocumentFormat.Refusal(what, document.RootElement, known) is { } reason) throw new FailureException($"{path}: {reason}");
    }

    private static BackupContents Checked(string path, Dictionary<string, byte[]> documents, BackupInfo info, Dictionary<string, long> locals)
    {
        var state = JsonSerializer.Deserialize(documents[StateName], StorageJson.Default.SanState)!;
        using var identity = SiteIdentity.FromPem(state.CaCertificate, state.CaKey);
        if (!identity.Certificate.PublicKey.VerifyData(documents[SumsName], documents[SignatureName], HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)) throw Damaged(path, "the signature is not the site's");
        if (!SignedManifest.TryRead(state.SignedManifest, identity.Certificate.PublicKey, out var manifest, out var reason)) throw Damaged(path, reason);
        if (manifest.SiteId != info.SiteId || !info.Nodes.Order(StringComparer.Ordinal).SequenceEqual(locals.Keys.Order(StringComparer.Ordinal)) || info.Nodes.Any(n => manifest.Nodes.All(m => m.Name != n))) throw Damaged(path, "its parts do not belong together");
        if (!VolumeGroup.TryParse(Encoding.UTF8.GetString(documents[GroupName]), out var group, out reason)) throw Damaged(path, reason);
        return new BackupContents(info, state, manifest, group, locals, identity.Certificate.Fingerprint) { GroupText = Encoding.UTF8.GetString(documents[GroupName]) };
    }

    private static async Task<byte[]> AllOfAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, cancellationToken).ConfigureAwait(false);
        return all.ToArray();
    }

    private static FailureException Damaged(string path, string why) => new($"{path}: the backup is damaged: {why}; nothing was changed, take another copy of it");
}

/// <summary>What a backup says of itself.</summary>
/// <param name="Format">Version of the format.</param>
/// <param name="Site">Name of the site.</param>
/// <param name="SiteId">Its identity.</param>
/// <param name="Serial">Serial of its manifest.</param>
/// <param name="Made">When it was made, by the clock of the node that made it.</param>
/// <param name="Nodes">The nodes whose <c>local</c> volumes are in it.</param>
/// <param name="Off">Those of them that did not run: their files were read as they lay on the SAN.</param>
public sealed record BackupInfo(int Format, string Site, Guid SiteId, long Serial, DateTimeOffset Made, IReadOnlyList<string> Nodes, IReadOnlyList<string> Off)
{
    /// <summary>The newest format that this program knows (<see cref="DocumentFormat"/>).</summary>
    public const int KnownFormat = 1;
}

/// <summary>A backup whose every byte was checked.</summary>
/// <param name="Info">What it says of itself.</param>
/// <param name="State">The site as the SAN kept it.</param>
/// <param name="Manifest">The manifest in it, whose signature was checked.</param>
/// <param name="Group">The volume group as it was.</param>
/// <param name="Locals">Compressed size of each node's <c>local</c> volume, in bytes.</param>
/// <param name="Fingerprint">Of the site's CA certificate.</param>
public sealed record BackupContents(BackupInfo Info, SanState State, Manifest Manifest, VolumeGroup Group, IReadOnlyDictionary<string, long> Locals, string Fingerprint)
{
    /// <summary>The group's metadata as LVM wrote them.</summary>
    public required string GroupText { get; init; }

    /// <summary>What is in it, in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"site {Manifest.Name} ({Manifest.SiteId}), manifest {Manifest.Serial}, image {Manifest.Image}, made {Info.Made:yyyy-MM-dd HH:mm} UTC");
        yield return $"  CA certificate {Fingerprint}; the site's keys{(State.ChapSecret is null ? "" : " and its CHAP secret")}; volume group with {Group.Volumes.Count} volumes";
        foreach (var node in Manifest.Nodes)
            yield return $"  {node.Name,-10} {(Locals.TryGetValue(node.Name, out var size) ? $"local, {new ByteSize(size).ToRoundedString()} compressed{(Info.Off.Contains(node.Name) ? ", while it was off" : "")}" : "without its local volume")}";
    }
}

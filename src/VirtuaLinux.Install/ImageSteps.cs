using System.Security.Cryptography;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install;

/// <summary>Brings an image from its medium to the SAN, from the installer or from a running node. Each step can be repeated from its start and ends in the same state.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="image">The image.</param>
/// <param name="medium">Folder of the medium's <c>virtualinux</c> files.</param>
/// <param name="say">Takes a line for people.</param>
/// <param name="read">The volumes of the group as it is now.</param>
/// <param name="change">Commits what it is given makes of the volume group.</param>
/// <param name="alone">Runs something while nobody else changes the volume group: what is mapped then is seen by whoever deletes next.</param>
public sealed class ImageSteps(ICommandRunner runner, ImageInfo image, string medium, Action<string> say, Func<CancellationToken, Task<NodeVolumes>> read, Func<Func<VolumeGroup, VolumeGroup>, CancellationToken, Task> change, Func<Func<Task>, CancellationToken, Task> alone)
{
    private const int CopyBlock = 4 << 20;

    private readonly DeviceMapper _mapper = new(runner);

    /// <summary>Refuses, while nobody else changes the volume group, what the image would take of it; by default it may take what there is.</summary>
    public Action<VolumeGroup>? Check { get; init; }

    /// <summary>Writes and verifies the image, unless it is on the SAN already.</summary>
    /// <exception cref="FailureException">There is not enough space or another image of that name and version, or the medium or the SAN is damaged.</exception>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        if (!await ReserveAsync(cancellationToken).ConfigureAwait(false))
        {
            say($"{image.Image} is on the SAN already, verified");
            return;
        }
        await WriteOriginAsync(cancellationToken).ConfigureAwait(false);
        await VerifyOriginAsync(cancellationToken).ConfigureAwait(false);
        await WriteBootAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes room for the image beside those that the site has.</summary>
    /// <returns>False if it is on the SAN already, verified.</returns>
    private async Task<bool> ReserveAsync(CancellationToken cancellationToken)
    {
        var isThere = false;
        await change(Reserve, cancellationToken).ConfigureAwait(false);
        return !isThere;

        VolumeGroup Reserve(VolumeGroup group)
        {
            Check?.Invoke(group);
            try
            {
                var next = NodeVolumes.AddImage(group, image);
                isThere = next.Volumes.Count == group.Volumes.Count && !NodeVolumes.IsUnverified(next.Find(NodeVolumes.BootName(image.Image))!);
                return next.Volumes.Count == group.Volumes.Count ? group : next;
            }
            catch (InvalidOperationException e)
            {
                throw new FailureException($"no room for {image.Image}: {e.Message}; delete what 'virtualinux storage ledger' says is not needed, or grow the LUN", e);
            }
        }
    }

    /// <summary>Streams the root image from the medium to the origin.</summary>
    public Task WriteOriginAsync(CancellationToken cancellationToken) => MappedAsync(NodeVolumes.OriginName(image.Image), readOnly: false, async device =>
    {
        await using var source = File.OpenRead(Path.Combine(medium, "root.ext4.zst"));
        using var target = BlockDevice.Open(device, writable: true);
        var written = await OriginWriter.WriteAsync(source, image, target, Progress("origin", image.RootSize), cancellationToken).ConfigureAwait(false);
        say($"origin {image.Image}: {new ByteSize(written).ToRoundedString()} written for {new ByteSize(image.RootSize).ToRoundedString()}");
    }, cancellationToken);

    /// <summary>Reads the origin back from the SAN.</summary>
    public Task VerifyOriginAsync(CancellationToken cancellationToken) => MappedAsync(NodeVolumes.OriginName(image.Image), readOnly: true, async device =>
    {
        await DropCacheAsync(device, cancellationToken).ConfigureAwait(false);
        using var source = BlockDevice.Open(device, writable: false);
        OriginWriter.Verify(image, source, Progress("verify", image.RootSize), cancellationToken);
    }, cancellationToken);

    /// <summary>Copies the boot volume and reads it back; then the image's volumes no longer count as unverified.</summary>
    public async Task WriteBootAsync(CancellationToken cancellationToken)
    {
        await MappedAsync(NodeVolumes.BootName(image.Image), readOnly: false, async device =>
        {
            Copy(Path.Combine(medium, "boot.squashfs"), device, image.BootSize);
            await DropCacheAsync(device, cancellationToken).ConfigureAwait(false);
            if (Digest(device, image.BootSize) != image.BootDigest) throw new FailureException($"the boot volume of {image.Image} does not have the digest of the image; the medium or the SAN is damaged");
        }, cancellationToken).ConfigureAwait(false);
        await change(group => NodeVolumes.MarkVerified(group, image.Image), cancellationToken).ConfigureAwait(false);
    }

    private static void Copy(string file, string device, long length)
    {
        using var target = BlockDevice.Open(device, writable: true);
        using var source = BlockDevice.Open(file, writable: false);
        if (source.Size != length) throw new FailureException($"{Path.GetFileName(file)} on the medium has {source.Size} bytes and should have {length}; the medium is damaged: write it again from a checked ISO");
        var buffer = new byte[CopyBlock];
        for (long at = 0; at < length; at += buffer.Length)
        {
            var block = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
            source.Read(at, block);
            target.Write(at, block);
        }
        target.Flush();
    }

    /// <summary>Does something with a mapped volume, which is not mapped any more afterwards, however that ends.</summary>
    private async Task MappedAsync(string volume, bool readOnly, Func<string, Task> work, CancellationToken cancellationToken)
    {
        try
        {
            var device = "";
            await alone(async () =>
            {
                var volumes = await read(cancellationToken).ConfigureAwait(false);
                device = await volumes.MapAsync(volume, NodeVolumes.WriteDevice + volume, readOnly, cancellationToken).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
            await work(device).ConfigureAwait(false);
        }
        finally
        {
            await _mapper.RemoveAsync(NodeVolumes.WriteDevice + volume, CancellationToken.None).ConfigureAwait(false);
        }
    }

    // What is read back must come from the SAN and not from this machine's memory (BLKFLSBUF).
    private async Task DropCacheAsync(string device, CancellationToken cancellationToken)
    {
        var volumes = await read(cancellationToken).ConfigureAwait(false);
        foreach (var path in volumes.Devices.Prepend(device))
            await runner.RunAsync(ExternalCommand.Of("blockdev", "--flushbufs", path), cancellationToken).ConfigureAwait(false);
    }

    private Action<long> Progress(string what, long total)
    {
        var tenth = 0;
        return done =>
        {
            if (done * 10 / total <= tenth) return;
            tenth = (int)(done * 10 / total);
            say($"  {what}: {tenth * 10} % of {new ByteSize(total).ToRoundedString()}");
        };
    }

    private static string Digest(string path, long length)
    {
        using var source = BlockDevice.Open(path, writable: false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[CopyBlock];
        for (long at = 0; at < length; at += buffer.Length)
        {
            var block = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
            source.Read(at, block);
            hash.AppendData(block);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

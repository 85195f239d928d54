using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>The metadata of a node's pool before it is used: checked with thin_check(8), and where they are damaged, restored with thin_repair(8).</summary>
/// <remarks>A power cut at any moment leaves the damaged metadata, or the whole repaired ones beside them, which the next boot takes over.</remarks>
/// <param name="runner">Runs programs.</param>
/// <param name="node">Name of the node.</param>
/// <param name="device">The metadata.</param>
/// <param name="size">Size of the pool's data.</param>
/// <param name="folder">Where there is room for two copies of them: on the node's <c>local</c> volume, which is no part of the pool.</param>
/// <param name="log">Takes a line for people.</param>
public sealed class PoolMetadata(ICommandRunner runner, string node, string device, ByteSize size, string folder, Action<string> log)
{
    private const int Piece = 1 << 20, Superblock = 4096;

    private string Damaged => Path.Combine(folder, "pool-metadata.damaged");

    private string Repaired => Path.Combine(folder, "pool-metadata.repaired");

    /// <summary>Sees that the pool can be used.</summary>
    /// <param name="isUsed">Whether a root is in it that somebody has run on. Then zeros are damage like any other; else the pool may begin anew.</param>
    /// <param name="cancellationToken">Ends the programs.</param>
    /// <exception cref="PoolBeyondRepairException">It was used, and its metadata are damaged beyond repair.</exception>
    /// <exception cref="FailureException">There is no room for a copy.</exception>
    public async Task<PoolState> PrepareAsync(bool isUsed, CancellationToken cancellationToken = default)
    {
        if (isUsed) return await EnsureSoundAsync(cancellationToken).ConfigureAwait(false) ? PoolState.Repaired : PoolState.Sound;
        if (!NodeVolumes.IsBlank(device) && !File.Exists(Repaired))
        {
            if (await ProblemAsync(cancellationToken).ConfigureAwait(false) is not { } problem) return PoolState.Sound;
            log($"the metadata of the pool of {node} are damaged ({problem}); no root is kept in it, so it begins anew");
        }
        BeginAnew();
        return PoolState.New;
    }

    /// <summary>Makes the metadata those of a pool that was never used: whatever roots are in it are lost.</summary>
    public void BeginAnew()
    {
        // What was to take the place of other metadata must not take that of the new ones.
        if (File.Exists(Repaired)) File.Delete(Repaired);
        using var opened = BlockDevice.Open(device, writable: true);
        opened.Write(0, new byte[Superblock]);
        opened.Flush();
    }

    /// <summary>Sees that the metadata are sound.</summary>
    /// <returns>Whether they had to be repaired.</returns>
    private async Task<bool> EnsureSoundAsync(CancellationToken cancellationToken)
    {
        var interrupted = File.Exists(Repaired);
        if (!interrupted)
        {
            if (await ProblemAsync(cancellationToken).ConfigureAwait(false) is not { } problem) return false;
            log($"the metadata of the pool of {node} are damaged ({problem}); they are being repaired");
            await RepairAsync(problem, cancellationToken).ConfigureAwait(false);
        }
        Copy(Repaired, device);
        if (await ProblemAsync(cancellationToken).ConfigureAwait(false) is { } left) throw new PoolBeyondRepairException($"the metadata of the pool of {node} are damaged beyond repair, and what thin_repair(8) made of them too: {left}; the damaged ones are in {Damaged}; {NodeVolumes.HowToBeginAnew(node)}");
        File.Delete(Repaired);
        log($"the metadata of the pool of {node} are repaired; the damaged ones are in {Damaged}. What was written shortly before the damage may be missing from the root");
        return true;
    }

    /// <summary>What thin_check(8) says; null for nothing.</summary>
    private async Task<string?> ProblemAsync(CancellationToken cancellationToken)
    {
        var result = await runner.RunAsync(ExternalCommand.Of("thin_check", "--clear-needs-check-flag", device).Accepting(), cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0 ? null : (result.Error + result.Output).Trim().Split('\n')[^1];
    }

    private async Task RepairAsync(string problem, CancellationToken cancellationToken)
    {
        var unfinished = Repaired + ".new";
        try
        {
            Directory.CreateDirectory(folder);
            Create(Damaged);
            Copy(device, Damaged);
            Create(unfinished);
            // What a damaged superblock no longer tells; nobody sets the transaction id of our pools.
            await runner.RunAsync(ExternalCommand.Of("thin_repair", "-i", device, "-o", unfinished, "--transaction-id", "0", "--data-block-size", Number(VolumeSizes.PoolBlock.Bytes / 512), "--nr-data-blocks", Number(size.Bytes / VolumeSizes.PoolBlock.Bytes)), cancellationToken).ConfigureAwait(false);
            // Of what nothing is left it makes an empty pool, in which the root would begin anew unasked.
            var found = await runner.RunAsync(ExternalCommand.Of("thin_dump", "--skip-mappings", unfinished), cancellationToken).ConfigureAwait(false);
            if (!found.Output.Contains("<device ", StringComparison.Ordinal)) throw new PoolBeyondRepairException($"the metadata of the pool of {node} are damaged beyond repair ({problem}): no root is found in them; a copy of them is in {Damaged}; {NodeVolumes.HowToBeginAnew(node)}");
            using (var written = BlockDevice.Open(unfinished, writable: true)) written.Flush();
            File.Move(unfinished, Repaired, overwrite: true);
            await runner.RunAsync(ExternalCommand.Of("sync"), cancellationToken).ConfigureAwait(false);
        }
        catch (ExternalCommandException e) when (e.ExitCode is not null)
        {
            throw new PoolBeyondRepairException($"the metadata of the pool of {node} are damaged beyond repair ({problem}): {e.Message}; a copy of them is in {Damaged}; {NodeVolumes.HowToBeginAnew(node)}", e);
        }
        catch (IOException e)
        {
            throw new FailureException($"the metadata of the pool of {node} are damaged ({problem}), and there is no room to repair them: {e.Message}; on another node, 'virtualinux node fence {node}' and 'virtualinux node mount {node} FOLDER' show its local volume, where files can be deleted", e);
        }
    }

    /// <summary>An empty file as large as the metadata.</summary>
    private void Create(string path)
    {
        using var source = BlockDevice.Open(device, writable: false);
        using var file = File.Create(path);
        file.SetLength(source.Size);
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static void Copy(string from, string to)
    {
        using var source = BlockDevice.Open(from, writable: false);
        using var target = BlockDevice.Open(to, writable: true);
        var buffer = new byte[Piece];
        for (var offset = 0L; offset < source.Size; offset += Piece)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(Piece, source.Size - offset));
            source.Read(offset, piece);
            target.Write(offset, piece);
        }
        target.Flush();
    }
}

using System.IO.Pipelines;
using VirtuaLinux.Host;
using ZstdSharp;

namespace VirtuaLinux.Storage;

/// <summary>The files of a volume as a stream: tar(1) with owners, extended attributes and ACLs, compressed with zstd.</summary>
public static class VolumeArchive
{
    private const int Level = 3;

    // GNU tar, RETURN VALUE: 1 says that some files changed while they were read, as logs do.
    private const int Changed = 1;

    private static readonly TimeSpan Longest = TimeSpan.FromHours(12);

    /// <summary>Writes what is mounted at a folder, and nothing that is mounted below it.</summary>
    /// <exception cref="FailureException">A file could not be read.</exception>
    public static async Task WriteAsync(ICommandRunner runner, string folder, Stream target, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        await using var zstd = new CompressionStream(target, Level, leaveOpen: true);
        var tar = ExternalCommand.Of("tar", "--create", "--one-file-system", "--numeric-owner", "--acls", "--xattrs", "--sparse", "--warning=no-file-changed", "--directory", folder, ".");
        await runner.RunAsync(tar.Accepting(0, Changed).WithOutput(zstd).WithTimeout(Longest), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a file would be among those that <see cref="WriteAsync"/> packs: it lies in the same file system, on whatever way it is reached.</summary>
    /// <param name="runner">Runs stat(1).</param>
    /// <param name="folder">The folder that is packed.</param>
    /// <param name="path">The file, which need not exist.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<bool> HoldsAsync(ICommandRunner runner, string folder, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        var parent = Path.GetDirectoryName(Path.GetFullPath(path)) ?? path;
        if (!Directory.Exists(folder) || !Directory.Exists(parent)) return false;
        var devices = await runner.RunAsync(ExternalCommand.Of("stat", "--dereference", "--format=%d", folder, parent), cancellationToken).ConfigureAwait(false);
        return devices.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct().Count() == 1;
    }

    /// <summary>The stream that <see cref="WriteAsync"/> writes, to be read; what goes wrong is thrown to the reader.</summary>
    public static Stream Open(ICommandRunner runner, string folder, CancellationToken cancellationToken = default)
    {
        var pipe = new Pipe();
        _ = Task.Run(async () =>
        {
            Exception? fault = null;
            try
            {
                await using var target = pipe.Writer.AsStream(leaveOpen: true);
                await WriteAsync(runner, folder, target, cancellationToken).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // It is not lost: the reader gets it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                fault = e;
            }
            await pipe.Writer.CompleteAsync(fault).ConfigureAwait(false);
        }, CancellationToken.None);
        return pipe.Reader.AsStream();
    }

    /// <summary>Unpacks into a folder.</summary>
    /// <param name="runner">Runs tar(1).</param>
    /// <param name="source">What <see cref="WriteAsync"/> wrote.</param>
    /// <param name="folder">An empty folder.</param>
    /// <param name="without">A folder of the archive's root that is left out.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The archive is damaged, or there is no room.</exception>
    public static async Task ExtractAsync(ICommandRunner runner, Stream source, string folder, string without, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runner);
        await using var zstd = new DecompressionStream(source, leaveOpen: true);
        var tar = ExternalCommand.Of("tar", "--extract", "--numeric-owner", "--same-owner", "--preserve-permissions", "--acls", "--xattrs", "--xattrs-include=*", "--anchored", $"--exclude=./{without}", "--directory", folder);
        await runner.RunAsync(tar.WithInput(zstd).WithTimeout(Longest), cancellationToken).ConfigureAwait(false);
    }
}

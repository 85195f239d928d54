using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Cache;

/// <summary>
/// Results of build stages, found by <see cref="StageKey"/>: <c>CACHE/STAGE/KEY/</c>. A result is made under another name and renamed when it is
/// complete, so that what an interrupted build or a full disk leaves is never taken for one; it is swept away when the next build starts.
/// </summary>
public sealed class StageCache : IDisposable
{
    private const string Partial = ".partial";
    private const int KeptPerStage = 3;

    private readonly FileStream held;

    /// <summary>Opens the cache for one build.</summary>
    /// <exception cref="FailureException">Another build uses it, or the folder cannot be written.</exception>
    public StageCache(string directory)
    {
        CacheDirectory = Path.GetFullPath(directory);
        try
        {
            Directory.CreateDirectory(CacheDirectory);
            held = new FileStream(Path.Combine(CacheDirectory, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new FailureException($"{CacheDirectory}: cannot be used as the build's cache ({e.Message}); wait until another build has ended, or choose another folder", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new FailureException($"{CacheDirectory}: cannot be used as the build's cache ({e.Message}); run the build as root", e);
        }
        foreach (var stage in Directory.EnumerateDirectories(CacheDirectory))
            foreach (var left in Directory.EnumerateDirectories(stage, $"*{Partial}")) DirectoryTree.Delete(left);
    }

    /// <summary>Absolute path of the cache.</summary>
    public string CacheDirectory { get; }

    /// <summary>Gives the folder of a stage's result, and makes it first if it is not there.</summary>
    /// <param name="stage">Name of the stage.</param>
    /// <param name="key">Its key.</param>
    /// <param name="build">Fills the folder that it is given; when it throws, nothing is kept.</param>
    public async Task<CachedStage> GetOrBuildAsync(string stage, string key, Func<string, Task> build)
    {
        ArgumentNullException.ThrowIfNull(build);
        var path = Path.Combine(CacheDirectory, stage, key);
        var cached = Directory.Exists(path);
        if (!cached)
        {
            var partial = path + Partial;
            Directory.CreateDirectory(partial);
            try
            {
                await build(partial).ConfigureAwait(false);
                Directory.Move(partial, path);
            }
            catch
            {
                DirectoryTree.Delete(partial);
                throw;
            }
        }
        Directory.SetLastWriteTimeUtc(path, DateTime.UtcNow);
        Prune(Path.Combine(CacheDirectory, stage), path);
        return new CachedStage(path, cached);
    }

    /// <summary>Forgets the result for a key, so that it is made anew.</summary>
    public void Forget(string stage, string key)
    {
        var path = Path.Combine(CacheDirectory, stage, key);
        if (!Directory.Exists(path)) return;
        // A deletion that is cut short must not leave half a result under its name.
        Directory.Move(path, path + Partial);
        DirectoryTree.Delete(path + Partial);
    }

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();

    private static void Prune(string stage, string used)
    {
        foreach (var old in Directory.EnumerateDirectories(stage).Where(d => d != used).OrderByDescending(Directory.GetLastWriteTimeUtc).Skip(KeptPerStage - 1))
        {
            if (!old.EndsWith(Partial, StringComparison.Ordinal)) Directory.Move(old, old + Partial);
            DirectoryTree.Delete(old.EndsWith(Partial, StringComparison.Ordinal) ? old : old + Partial);
        }
    }
}

/// <summary>A stage's result: its folder, and whether it was there already.</summary>
public sealed record CachedStage(string Path, bool Cached);

using System.Diagnostics;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;

namespace VirtuaLinux.Images.Stages;

/// <summary>What all stages of one build share, and the frame in which each of them runs.</summary>
internal sealed class BuildContext(ImageBuildOptions options, DefinitionSet definitions, StageCache cache, ICommandRunner runner, CancellationToken cancellation)
{
    private const long FullBelow = 1 << 20;
    private const string NoSpace = "No space left on device";

    private readonly List<BuiltStage> stages = [];

    public ImageBuildOptions Options => options;

    public DefinitionSet Definitions => definitions;

    /// <summary>URI of the package archive: the builder's, or else the distribution's, or else null for the package manager's own.</summary>
    public string? Mirror => options.Mirror ?? (definitions.Distribution.Archive is { Length: > 0 } archive ? archive : null);

    public CancellationToken Cancellation => cancellation;

    public IReadOnlyList<BuiltStage> Stages => stages;

    /// <summary>Runs a stage, or takes its result from the cache; tells about it either way.</summary>
    /// <returns>Folder of the result.</returns>
    public async Task<string> StageAsync(string name, string key, Func<StageWork, Task> build)
    {
        var watch = Stopwatch.StartNew();
        Tell(name, BuildEventKind.Started, "", watch);
        try
        {
            var stage = await cache.GetOrBuildAsync(name, key, folder => BuildAsync(new StageWork(this, name, folder, watch), build)).ConfigureAwait(false);
            var size = SizeOf(stage.Path);
            stages.Add(new BuiltStage(name, watch.Elapsed, size, stage.Cached, stage.Path));
            Tell(name, stage.Cached ? BuildEventKind.Cached : BuildEventKind.Built, "", watch, size);
            return stage.Path;
        }
        catch (IOException e)
        {
            throw new FailureException($"stage '{name}': {e.Message}", e);
        }
    }

    /// <summary>Tools word a full disk in many ways, and not always in their last lines: the disk itself is asked while the unfinished result still fills it.</summary>
    private async Task BuildAsync(StageWork work, Func<StageWork, Task> build)
    {
        try
        {
            await build(work).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or FailureException && (e.Message.Contains(NoSpace, StringComparison.OrdinalIgnoreCase) || new DriveInfo(work.Folder).AvailableFreeSpace < FullBelow))
        {
            throw new FailureException($"stage '{work.Name}': no space left on the disk of {cache.CacheDirectory}; free some (a build needs about 4 GiB) or choose another cache folder, and start again", e);
        }
    }

    public void Forget(string stage, string key) => cache.Forget(stage, key);

    public Task<CommandResult> RunAsync(ExternalCommand command) => runner.RunAsync(command, cancellation);

    public void Tell(string stage, BuildEventKind kind, string text, Stopwatch watch, long size = 0) => options.OnEvent?.Invoke(new BuildEvent(stage, kind, text, watch.Elapsed, size));

    /// <summary>Tells something that the vendor should know, outside a stage's work.</summary>
    public void Warn(string stage, string text) => Tell(stage, BuildEventKind.Warning, text, new Stopwatch());

    private static long SizeOf(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }).Sum(f => f.Length);
}

/// <summary>A stage at work: the folder that it fills, and its way to run programs and to tell.</summary>
internal sealed class StageWork(BuildContext context, string name, string folder, Stopwatch watch)
{
    public string Name => name;

    public string Folder => folder;

    /// <summary>A path inside the folder.</summary>
    public string At(string relative) => Path.Combine(folder, relative);

    public void Say(string text) => context.Tell(name, BuildEventKind.Working, text, watch);

    public void Warn(string text) => context.Tell(name, BuildEventKind.Warning, text, watch);

    public Task<CommandResult> RunAsync(ExternalCommand command) => context.RunAsync(command);
}

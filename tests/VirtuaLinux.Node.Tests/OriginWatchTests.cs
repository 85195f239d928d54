using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Node.Tests;

public sealed class OriginWatchTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"virtualinux-origin-{Guid.NewGuid():N}");
    private readonly List<string> _log = [];
    private readonly Kernel _kernel = new();

    [Fact]
    public async Task The_alarm_comes_once_and_the_state_stays_for_whoever_asks()
    {
        var watch = new OriginWatch(_kernel, _log.Add, _path);
        Assert.Null(OriginWatch.Last(_path));
        await watch.LookAsync(TestContext.Current.CancellationToken);
        Assert.Equal(OriginState.Verified, OriginWatch.Last(_path));
        Assert.Empty(_log);

        _kernel.Says = "0 1048576 verity C\n";
        for (var look = 0; look < 3; look++) await watch.LookAsync(TestContext.Current.CancellationToken);
        Assert.Equal(OriginState.Corrupt, OriginWatch.Last(_path));
        Assert.StartsWith("ALARM: the origin on the SAN is corrupt", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kernel_that_cannot_be_asked_is_told_once_and_changes_nothing()
    {
        var watch = new OriginWatch(_kernel, _log.Add, _path);
        await watch.LookAsync(TestContext.Current.CancellationToken);
        _kernel.Says = null;
        for (var look = 0; look < 3; look++) await watch.LookAsync(TestContext.Current.CancellationToken);
        Assert.Equal(OriginState.Verified, OriginWatch.Last(_path));
        Assert.Contains("no such device", Assert.Single(_log), StringComparison.Ordinal);
    }

    public void Dispose() => File.Delete(_path);

    private sealed class Kernel : ICommandRunner
    {
        public string? Says { get; set; } = "0 1048576 verity V\n";

        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default)
        {
            Assert.Equal(["status", "--noflush", "vl-origin"], command.Arguments);
            return Says is { } status ? Task.FromResult(new CommandResult(0, status, "")) : throw new ExternalCommandException(command, 1, "no such device");
        }
    }
}

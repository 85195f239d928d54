using VirtuaLinux.Host;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>Runs real clients.</summary>
internal static class Peer
{
    private static readonly CommandRunner Runner = new();

    /// <summary>Runs a program to its end, whatever its exit code.</summary>
    public static Task<CommandResult> RunAsync(string program, params string[] arguments) =>
        Runner.RunAsync(ExternalCommand.Of(program, arguments).Accepting().WithTimeout(TimeSpan.FromMinutes(2)), TestContext.Current.CancellationToken);

    /// <summary>Runs a program that has to succeed; returns its standard output.</summary>
    public static async Task<string> OutputAsync(string program, params string[] arguments)
    {
        var result = await RunAsync(program, arguments);
        Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {result.ExitCode}\n{result.Output}\n{result.Error}");
        return result.Output;
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;

namespace VirtuaLinux.Host.Tests;

/// <summary>Against real programs of any Debian.</summary>
public class CommandRunnerTests
{
    private static readonly CommandRunner Runner = new();

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Output_and_error_and_exit_code_come_back()
    {
        var result = await Runner.RunAsync(Shell("echo out; echo err >&2"), Test);
        Assert.Equal(new CommandResult(0, "out\n", "err\n"), result);
    }

    [Fact]
    public async Task A_failure_shows_command_line_exit_code_and_the_last_lines_of_standard_error()
    {
        var e = await Assert.ThrowsAsync<ExternalCommandException>(() => Runner.RunAsync(Shell("for i in 1 2 3 4 5 6 7 8 9; do echo line $i >&2; done; exit 3"), Test));
        Assert.Equal(3, e.ExitCode);
        Assert.StartsWith("sh -c '", e.Message, StringComparison.Ordinal);
        Assert.EndsWith(": exit code 3: line 2 | line 3 | line 4 | line 5 | line 6 | line 7 | line 8 | line 9", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_fails_and_writes_to_standard_output_only_is_quoted_from_there()
    {
        var e = await Assert.ThrowsAsync<ExternalCommandException>(() => Runner.RunAsync(Shell("echo reason; exit 1"), Test));
        Assert.EndsWith(": exit code 1: reason", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exit_codes_that_a_command_accepts_are_no_failure()
    {
        Assert.Equal(4, (await Runner.RunAsync(Shell("exit 4").Accepting(0, 4), Test)).ExitCode);
        Assert.Equal(77, (await Runner.RunAsync(Shell("exit 77").Accepting(), Test)).ExitCode);
        await Assert.ThrowsAsync<ExternalCommandException>(() => Runner.RunAsync(Shell("exit 5").Accepting(4), Test));
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_named()
    {
        var e = await Assert.ThrowsAsync<ExternalCommandException>(() => Runner.RunAsync(ExternalCommand.Of("no-such-program-7", "x"), Test));
        Assert.Null(e.ExitCode);
        Assert.StartsWith("no-such-program-7 x: not run to its end: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_runs_too_long_is_killed_with_its_children()
    {
        var pids = new ConcurrentQueue<string>();
        var command = Shell("sleep 3600 & echo $!; echo $$; wait").WithLines(pids.Enqueue).WithTimeout(TimeSpan.FromSeconds(2));
        var e = await Assert.ThrowsAsync<ExternalCommandException>(() => Runner.RunAsync(command, Test));
        Assert.Contains("killed after 2 s", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, pids.Count);
        Assert.All(pids, p => Assert.True(Ended(p), $"process {p} is alive"));
    }

    [Fact]
    public async Task Cancellation_by_the_caller_is_no_failure_of_the_program()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Test);
        var running = Runner.RunAsync(Shell("echo up; sleep 3600").WithLines(_ => stop.Cancel()), stop.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Input_reaches_the_program_and_without_any_it_reads_an_end_at_once()
    {
        Assert.Equal("a\nb", (await Runner.RunAsync(ExternalCommand.Of("cat").WithInput("a\nb"), Test)).Output);
        Assert.Equal("", (await Runner.RunAsync(ExternalCommand.Of("cat"), Test)).Output);
    }

    [Fact]
    public async Task A_program_that_does_not_read_its_input_is_no_failure() =>
        Assert.Equal(0, (await Runner.RunAsync(ExternalCommand.Of("true").WithInput(new string('x', 1 << 20)), Test)).ExitCode);

    [Fact]
    public async Task Environment_and_working_directory_are_set()
    {
        var result = await Runner.RunAsync(Shell("echo $COLOUR $PWD ${HOME-none}").WithEnvironment("COLOUR", "red").WithEnvironment("HOME", null).WithWorkingDirectory("/usr"), Test);
        Assert.Equal("red /usr none\n", result.Output);
    }

    [Fact]
    public async Task Arguments_reach_the_program_as_they_are()
    {
        string[] arguments = ["a b", "", "$HOME", "'\"", "*", "-n", "\\", "ä"];
        var result = await Runner.RunAsync(ExternalCommand.Of("printf", ["%s\n", .. arguments]), Test);
        Assert.Equal(arguments, result.Output.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Lines_of_both_streams_come_one_at_a_time_while_the_program_runs()
    {
        var lines = new List<string>();
        await Runner.RunAsync(Shell("for i in $(seq 500); do echo out; echo err >&2; done").WithLines(lines.Add), Test);
        Assert.Equal(500, lines.Count(l => l == "out"));
        Assert.Equal(500, lines.Count(l => l == "err"));
    }

    [Fact]
    public async Task Every_command_line_is_logged_before_it_runs_without_its_secrets()
    {
        var log = new List<string>();
        await new CommandRunner(log.Add).RunAsync(ExternalCommand.Of("true", "user", "hush").WithSecret("hush"), Test);
        Assert.Equal(["true user ***"], log);
    }

    [Fact]
    public async Task A_secret_that_a_program_repeats_in_its_complaint_stays_hidden()
    {
        var e = await Assert.ThrowsAsync<ExternalCommandException>(() => Runner.RunAsync(Shell("echo bad word: hush >&2; exit 1").WithSecret("hush"), Test));
        Assert.DoesNotContain("hush", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("bad word: ***", e.Message, StringComparison.Ordinal);
    }

    private static ExternalCommand Shell(string script) => ExternalCommand.Of("sh", "-c", script);

    /// <summary>Whether the process is gone, or dead and only not yet collected by its parent, within a deadline.</summary>
    private static bool Ended(string pid)
    {
        var deadline = Stopwatch.StartNew();
        while (deadline.Elapsed < TimeSpan.FromSeconds(10))
        {
            try
            {
                if (File.ReadAllText($"/proc/{pid}/stat").Split(") ")[1][0] == 'Z') return true;
            }
            catch (IOException)
            {
                return true;
            }
            Thread.Yield();
        }
        return false;
    }
}

using Spectre.Console;

namespace VirtuaLinux.Cli;

/// <summary>Standard output for tables: plain when it is not a terminal, and then wide enough to break no line.</summary>
internal static class Terminal
{
    private const int PipeWidth = 200;

    public static IAnsiConsole Output { get; } = Create();

    private static IAnsiConsole Create()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        if (Console.IsOutputRedirected) console.Profile.Width = PipeWidth;
        return console;
    }
}

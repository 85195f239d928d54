namespace VirtuaLinux.Host;

/// <summary>A call of an external program: immutable, its arguments a list and never a string for a shell.</summary>
public sealed record ExternalCommand
{
    private ExternalCommand(string program, IReadOnlyList<string> arguments)
    {
        Program = program;
        Arguments = arguments;
    }

    /// <summary>Name or path of the program.</summary>
    public string Program { get; }

    /// <summary>Its arguments.</summary>
    public IReadOnlyList<string> Arguments { get; private init; }

    /// <summary>How long it may run before it is killed; 10 minutes unless said.</summary>
    public TimeSpan Timeout { get; private init; } = TimeSpan.FromMinutes(10);

    /// <summary>Text for its standard input.</summary>
    public string? Input { get; private init; }

    /// <summary>What its standard input is read from, in place of <see cref="Input"/>.</summary>
    public Stream? InputStream { get; private init; }

    /// <summary>Where its standard output goes, in place of the result's text.</summary>
    public Stream? OutputStream { get; private init; }

    /// <summary>Variables added to the environment.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; private init; } = new Dictionary<string, string?>();

    /// <summary>Working directory.</summary>
    public string? WorkingDirectory { get; private init; }

    /// <summary>Texts that are shown as <c>***</c> wherever the command line or a failed program's words are shown.</summary>
    public IReadOnlyList<string> Secrets { get; private init; } = [];

    /// <summary>Exit codes that are no failure; 0 unless said, empty for any.</summary>
    public IReadOnlyList<int> AcceptedExitCodes { get; private init; } = [0];

    /// <summary>Called with each line of standard output and standard error as it comes, one line at a time.</summary>
    public Action<string>? OnLine { get; private init; }

    /// <summary>A call of <paramref name="program"/>.</summary>
    public static ExternalCommand Of(string program, params IReadOnlyList<string> arguments) => new(program, arguments);

    /// <summary>Adds arguments.</summary>
    public ExternalCommand With(params IReadOnlyList<string> arguments) => this with { Arguments = [.. Arguments, .. arguments] };

    /// <summary>Sets <see cref="Timeout"/>.</summary>
    public ExternalCommand WithTimeout(TimeSpan timeout) => this with { Timeout = timeout };

    /// <summary>Sets <see cref="Input"/>.</summary>
    public ExternalCommand WithInput(string input) => this with { Input = input };

    /// <summary>Sets <see cref="InputStream"/>.</summary>
    public ExternalCommand WithInput(Stream input) => this with { InputStream = input };

    /// <summary>Sets <see cref="OutputStream"/>.</summary>
    public ExternalCommand WithOutput(Stream output) => this with { OutputStream = output };

    /// <summary>Adds a variable to the environment.</summary>
    public ExternalCommand WithEnvironment(string name, string? value) => this with { Environment = new Dictionary<string, string?>(Environment) { [name] = value } };

    /// <summary>Sets <see cref="WorkingDirectory"/>.</summary>
    public ExternalCommand WithWorkingDirectory(string directory) => this with { WorkingDirectory = directory };

    /// <summary>Hides a text, usually an argument or a part of one, from logs and messages.</summary>
    public ExternalCommand WithSecret(string secret) => this with { Secrets = [.. Secrets, secret] };

    /// <summary>Sets <see cref="AcceptedExitCodes"/>; none given: any.</summary>
    public ExternalCommand Accepting(params IReadOnlyList<int> exitCodes) => this with { AcceptedExitCodes = exitCodes };

    /// <summary>Sets <see cref="OnLine"/>.</summary>
    public ExternalCommand WithLines(Action<string> onLine) => this with { OnLine = onLine };

    /// <summary>The command line for people, quoted where a shell would need it, secrets hidden.</summary>
    public override string ToString() => string.Join(' ', [Program, .. Arguments.Select(a => Quote(Hide(a)))]);

    /// <summary>The text with every secret replaced by <c>***</c>.</summary>
    internal string Hide(string text) => Secrets.Where(s => s.Length > 0).Aggregate(text, (t, secret) => t.Replace(secret, "***", StringComparison.Ordinal));

    private static string Quote(string s) =>
        s.Length > 0 && s.All(c => char.IsLetterOrDigit(c) || "-_./:=,@+%*".Contains(c, StringComparison.Ordinal)) ? s : $"'{s.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}

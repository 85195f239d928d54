using VirtuaLinux.Model;

namespace VirtuaLinux.Host;

/// <summary>A file that a person wrote is wrong. The message lists every fault, one a line; the command ends with exit code 2.</summary>
public sealed class InvalidInputException(IReadOnlyList<Diagnostic> errors) : FailureException(string.Join('\n', errors))
{
    /// <summary>The faults.</summary>
    public IReadOnlyList<Diagnostic> Errors { get; } = errors;
}

namespace VirtuaLinux.Model;

/// <summary>One fault in a file that a person wrote: where it is, what is wrong, and what to write instead.</summary>
/// <param name="File">The file as the user named it.</param>
/// <param name="Line">Line, counted from 1.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Advice">What to write instead.</param>
public sealed record Diagnostic(string File, int Line, string Message, string Advice)
{
    /// <summary>The form that editors and people jump to: <c>site.yaml:12: what is wrong; what to write instead</c>. Always one line, and safe for a terminal.</summary>
    public override string ToString() => string.Concat($"{File}:{Line}: {Message}; {Advice}".Select(c => char.IsControl(c) || c is '\u2028' or '\u2029' ? '?' : c));
}

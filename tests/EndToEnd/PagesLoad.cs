using System.Text;

namespace VirtuaLinux.EndToEnd;

/// <summary>A database (<c>pages.pl</c>): a record of the log and fsync(2), then the page of 4 KiB that it speaks of, at a random place, with <c>O_DSYNC</c>, over and over again.
/// Each page must be whole, and of the version that the log says last; only where the last record was not acknowledged, and nothing follows it, may its page be the one before.</summary>
public sealed class PagesLoad(Random random) : AcknowledgedLoad("page", random)
{
    private static readonly string s_script = Convert.ToBase64String(Encoding.UTF8.GetBytes(ReadScript()));

    /// <inheritdoc/>
    public override string Write(string folder, string console) => Perl("write", folder, console);

    /// <inheritdoc/>
    public override string Check(string folder, int acknowledged) => Perl("check", folder, $"{acknowledged}");

    private string Perl(string what, string folder, string argument) => $"echo {s_script} | base64 -d | perl - {what} {Key} {folder} {argument}";

    private static string ReadScript()
    {
        using var script = new StreamReader(typeof(PagesLoad).Assembly.GetManifestResourceStream("pages.pl")!);
        return script.ReadToEnd();
    }
}

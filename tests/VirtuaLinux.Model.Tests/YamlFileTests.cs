using CsCheck;
using VirtuaLinux.Model.Yaml;

namespace VirtuaLinux.Model.Tests;

public class YamlFileTests
{
    private static readonly string[] Seeds = [.. Directory.EnumerateFiles(Repository.PathOf("tests", "VirtuaLinux.Model.Tests", "Expectations", "Site"), "*.yaml").Order(StringComparer.Ordinal).Select(File.ReadAllText)];

    private static readonly string[] Pieces =
    [
        "- ", ": ", "{", "}", "[", "]", ",", "\n", "\n  ", "\n    ", "\t", "\"", "'", "|", "|2\n", ">", "&a ", "*a", "!!str ", "!", "? ", "#", "---\n", "...\n", "%YAML 1.2\n", "%TAG ! x\n",
        "~", "null", "true", "0x1f", "1e999", ".nan", "<<: *a", "\\", "\\x", "\"\\U00110000\"", "\"\\ud800\"", "\ufeff", "\r", "\0", "\u2028", "ä", "\ud83d\ude00", "name", "nodes", "192.168.77.11", "52:54:00:77:00:01", "99999999999999999999", "@", "`", "-", ":",
    ];

    [Fact]
    public void No_text_whatever_makes_loading_throw() => Gen.String.Sample(Loads, iter: 20_000);

    [Fact]
    public void No_row_of_yaml_pieces_makes_loading_throw() => OneOf(Pieces).Array[0, 40].Sample(pieces => Loads(string.Concat(pieces)), iter: 30_000);

    [Fact]
    public void No_change_of_a_site_file_makes_loading_throw()
    {
        var change = Gen.Select(Gen.Int[0, 10_000], Gen.Int[0, 20], Gen.OneOf(OneOf(Pieces), Gen.String[0, 3], Gen.Const("")));
        Gen.Select(OneOf(Seeds), change.Array[1, 5]).Sample((text, changes) =>
        {
            foreach (var (at, removed, added) in changes)
            {
                var start = text.Length == 0 ? 0 : at % text.Length;
                text = string.Concat(text.AsSpan(0, start), added, text.AsSpan(Math.Min(text.Length, start + removed)));
            }
            return Loads(text);
        }, iter: 10_000);
    }

    [Theory]
    [InlineData("[", 100_000)]
    [InlineData("{", 100_000)]
    [InlineData("- ", 100_000)]
    [InlineData("? ", 100_000)]
    [InlineData("a: ", 100_000)]
    [InlineData("&a ", 100_000)]
    [InlineData("!", 100_000)]
    [InlineData("a", 9_000_000)]
    [InlineData("#\n", 100_000)]
    [InlineData("---\n", 10_000)]
    public void Repetition_without_end_is_refused(string piece, int times) => Assert.True(Loads(string.Concat(Enumerable.Repeat(piece, times))));

    [Fact]
    public void Keys_with_dots_and_quotes_have_a_line_too()
    {
        var file = YamlFile.Load("f", "name: a\nnodes: []\nnetworks:\n  cluster: { subnet: 10.0.0.0/24 }\n  a.b:\n    subnet: 10.0.1.0/24\n  \"c'd\": { subnet: 10.0.2.0/24 }\n", ModelJson.Default.Site);
        Assert.Empty(file.Errors);
        Assert.Equal(6, file.LineOf("$.networks['a.b'].subnet"));
        Assert.Equal(5, file.LineOf("$.networks['a.b'].gateway"));
        Assert.Equal(7, file.LineOf("$.networks['c'd'].subnet"));
    }

    [Fact]
    public void Every_fault_is_told_in_one_line_that_a_terminal_can_show() => OneOf(Pieces).Array[0, 30].Sample(pieces =>
        SiteFile.Load("site.yaml", string.Concat(pieces)).Errors.All(e => !e.ToString().Any(char.IsControl)));

    [Theory]
    [InlineData("adress", "address")]
    [InlineData("Address", "address")]
    [InlineData("addres", "address")]
    [InlineData("lnu", "lun")]
    [InlineData("ip4", null)]
    [InlineData("x", null)]
    [InlineData("secretfile", "secretFile")]
    [InlineData("", null)]
    public void Near_misses(string word, string? meant) => Assert.Equal(meant, NearMiss.Of(word, ["address", "lun", "user", "secretFile", "portals"]));

    private static Gen<string> OneOf(string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static bool Loads(string text)
    {
        var (site, errors) = SiteFile.Load("site.yaml", text, SiteParts.Installation);
        var lines = text.Split('\n').Length + text.Count(c => c is '\r' or '\u0085' or '\u2028' or '\u2029');
        return site is null == errors.Count > 0 && errors.All(e => e.Line >= 1 && e.Line <= lines + 1 && e.Message.Length > 0 && e.Advice.Length > 0);
    }
}

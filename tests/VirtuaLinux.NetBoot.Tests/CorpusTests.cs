using VirtuaLinux.Host;

namespace VirtuaLinux.NetBoot.Tests;

/// <summary>What was ever worth keeping, of attackers, firmware and the fuzzer, is read again in every run.</summary>
public class CorpusTests
{
    private static readonly string Corpus = Path.Combine(Path.GetDirectoryName(ProductFiles.Locate("VirtuaLinux.sln"))!, "tests/VirtuaLinux.NetBoot.Tests/Corpus");

    public static TheoryData<string> Codecs => [.. FuzzTargets.All.Keys];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Every_file_of_the_corpus_has_a_result(string codec)
    {
        var files = Directory.GetFiles(Path.Combine(Corpus, codec));
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            var failure = Record.Exception(() => FuzzTargets.All[codec](File.ReadAllBytes(file)));
            Assert.True(failure is null, $"{Path.GetFileName(file)}: {failure}");
        }
    }
}

using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images.Tests;

public sealed class DigestListTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public DigestListTests()
    {
        foreach (var name in (string[])["test.iso", "test.lock", "other.iso"]) folder.Write(name, name);
        folder.Write(DigestList.FileName, DigestList.ToText(((string[])["test.iso", "test.lock", "other.iso"]).Select(n => KeyValuePair.Create(n, DigestList.DigestOf(folder.At(n))))));
    }

    [Fact]
    public void A_folder_as_it_was_delivered_is_sound() =>
        Assert.Equal(["other.iso True", "test.iso True", "test.lock True"], Found(folder.Path));

    [Fact]
    public void A_changed_and_a_missing_file_are_named()
    {
        folder.Write("test.lock", "test.lick");
        File.Delete(folder.At("other.iso"));

        Assert.Equal(["other.iso missing", "test.iso True", "test.lock False"], Found(folder.Path));
    }

    [Fact]
    public void A_medium_is_checked_with_its_own_files_that_are_there()
    {
        folder.Write("other.iso", "changed");
        Assert.Equal(["test.iso True", "test.lock True"], Found(folder.At("test.iso")));

        File.Delete(folder.At("test.lock"));
        folder.Write("test.iso", "test.isO");
        Assert.Equal(["test.iso False"], Found(folder.At("test.iso")));
    }

    [Fact]
    public void A_medium_that_is_not_in_the_list_is_not_called_sound()
    {
        folder.Write("new.iso", "");

        Assert.Contains("it has no digest of new.iso, only of other.iso, test.iso, test.lock", Assert.Throws<FailureException>(() => DigestList.Verify(folder.At("new.iso"))).Message, StringComparison.Ordinal);
        File.Delete(folder.At(DigestList.FileName));
        Assert.Contains("SHA256SUMS: there is no such file", Assert.Throws<FailureException>(() => DigestList.Verify(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("nothing: there is no such file or folder", Assert.Throws<FailureException>(() => DigestList.Verify(folder.At("nothing"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "SHA256SUMS:1: the list is empty")]
    [InlineData("0123  test.iso\n", "SHA256SUMS:1: this is no digest of a file")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000  ../test.iso\n", "SHA256SUMS:1: '../test.iso' is not beside this list")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000  ..\n", "SHA256SUMS:1: '..' is not beside this list")]
    [InlineData("000000000000000000000000000000000000000000000000000000000000000g  test.iso\n", "SHA256SUMS:1: this is no digest of a file")]
    public void A_broken_list_is_refused_by_line(string text, string message) =>
        Assert.StartsWith(message, Assert.Throws<InvalidInputException>(() => DigestList.Parse(DigestList.FileName, text)).Message, StringComparison.Ordinal);

    public void Dispose() => folder.Dispose();

    private static IEnumerable<string> Found(string path) => DigestList.Verify(path).Select(f => $"{f.Name} {(f.Found is null ? "missing" : f.Sound)}");
}

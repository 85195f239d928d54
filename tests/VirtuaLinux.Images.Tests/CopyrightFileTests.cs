using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images.Tests;

public sealed class CopyrightFileTests
{
    private const string Format = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n";

    [Theory]
    [InlineData("GPL-2+", "GPL-2.0-or-later")]
    [InlineData("GPL-3", "GPL-3.0-only")]
    [InlineData("GPL-2.0-only", "GPL-2.0-only")]
    [InlineData("LGPLv2.1+", "LGPL-2.1-or-later")]
    [InlineData("lgpl-2", "LGPL-2.0-only")]
    [InlineData("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later")]
    [InlineData("Expat", "MIT")]
    [InlineData("BSD-3-clause", "BSD-3-Clause")]
    [InlineData("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note")]
    [InlineData("GPL-2+ or Expat", "GPL-2.0-or-later OR MIT")]
    [InlineData("ISC or Expat and Zlib", "ISC OR MIT AND Zlib")]
    [InlineData("GPL-2+ or Expat, and Zlib", "(GPL-2.0-or-later OR MIT) AND Zlib")]
    [InlineData("Zlib and ISC", "ISC AND Zlib")]
    public void A_name_that_means_one_text_is_mapped_to_its_identifier(string name, string expression)
    {
        var (found, texts) = CopyrightFile.Read($"{Format}Files: *\nLicense: {name}\n");

        Assert.Equal(expression, found);
        Assert.Empty(texts);
    }

    [Theory]
    [InlineData("GPL")]
    [InlineData("LGPL-3.7")]
    [InlineData("public-domain")]
    [InlineData("MIT")]
    [InlineData("GPL-2+ with Autoconf exception")]
    [InlineData("GPL-2+ and/or Expat")]
    [InlineData("(GPL-2+ or Expat) and ISC")]
    public void A_name_that_says_no_more_than_itself_becomes_a_reference_with_its_text(string name)
    {
        var (found, texts) = CopyrightFile.Read($"{Format}Files: *\nLicense: {name}\n\nLicense: {name}\n One.\n .\n Two.\n");

        Assert.Matches("^LicenseRef-[A-Za-z0-9.-]+-[0-9a-f]{8}$", found);
        Assert.Equal((found!, "One.\n\nTwo."), (Assert.Single(texts).Key, texts[found!]));
    }

    [Fact]
    public void MIT_with_the_text_of_Expat_is_MIT()
    {
        const string Text = """
             Permission is hereby granted, free of charge, to any person obtaining a copy
             of this software and associated documentation files (the "Software"), to deal
             in the Software without restriction, including without limitation the rights
             to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of it.
             .
             … OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
            """;

        Assert.Equal("MIT", CopyrightFile.Read($"{Format}Files: *\nLicense: MIT\n{Text}\n").Expression);
        Assert.StartsWith("LicenseRef-MIT-", CopyrightFile.Read($"{Format}Files: *\nLicense: MIT\n{Text}\n Nor may you.\n").Expression, StringComparison.Ordinal);
    }

    [Fact]
    public void The_licences_of_all_files_hold_and_each_is_named_once() =>
        Assert.Equal("(Apache-2.0 OR MIT) AND GPL-2.0-or-later", CopyrightFile.Read($"{Format}Files: *\nLicense: GPL-2+\n\nFiles: a\nLicense: Apache-2 or Expat\n\nFiles: b\nLicense: GPL-2+\n\nLicense: ISC\n unused\n").Expression);

    [Fact]
    public void One_name_for_two_texts_gives_two_references()
    {
        static string Of(string text) => CopyrightFile.Read($"{Format}Files: *\nLicense: custom\n {text}\n").Expression!;

        Assert.NotEqual(Of("You may."), Of("You may not."));
        Assert.Equal(Of("You may."), Of("You   may."));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Somebody wrote this.\n\nLicense: GPL-2\n")]
    [InlineData("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: me\n")]
    [InlineData("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-2\n\nFiles: a\nLicense:\n nobody knows\n")]
    public void A_file_that_leaves_it_open_gives_no_licence(string text) => Assert.Null(CopyrightFile.Read(text).Expression);
}

using VirtuaLinux.Images.Inventory;

namespace VirtuaLinux.Images.Tests;

public sealed class LicenseTagTests
{
    [Theory]
    [InlineData("MIT")]
    [InlineData("GPL-2.0-or-later AND (MIT OR BSD-3-Clause)")]
    [InlineData("GPL-2.0-only WITH Linux-syscall-note")]
    [InlineData("(GPL-3.0-or-later WITH GCC-exception-3.1 AND LGPL-2.1-or-later) OR Apache-2.0+")]
    [InlineData("BSD-2-Clause  AND\nISC", "BSD-2-Clause AND ISC")]
    public void An_expression_of_SPDX_is_passed_on_as_it_is(string tag, string? expected = null)
    {
        var (expression, texts) = LicenseTag.Read(tag);

        Assert.Equal(expected ?? tag, expression);
        Assert.Empty(texts);
    }

    [Fact]
    public void A_reference_of_the_distributions_own_gets_a_text()
    {
        var (expression, texts) = LicenseTag.Read("GPL-2.0-or-later AND LicenseRef-Callaway-BSD");

        Assert.Equal("GPL-2.0-or-later AND LicenseRef-Callaway-BSD", expression);
        Assert.Equal("LicenseRef-Callaway-BSD", Assert.Single(texts).Key);
    }

    [Theory]
    [InlineData("GPLv2+", "^GPL-2.0-or-later$")]
    [InlineData("GPLv2", "^GPL-2.0-only$")]
    [InlineData("GPLv3+ and BSD", "^GPL-3.0-or-later AND LicenseRef-BSD-[0-9a-f]{8}$")]
    // Fedora's names stand for several texts each.
    [InlineData("LGPLv2+", "^LicenseRef-LGPLv2-[0-9a-f]{8}$")]
    [InlineData("ISC and MIT", "^ISC AND LicenseRef-MIT-[0-9a-f]{8}$")]
    // Brackets in old names are for a lawyer, and what is almost an expression is none.
    [InlineData("(GPLv2+ or MIT) and BSD", "^LicenseRef-GPLv2--or-MIT--and-BSD-[0-9a-f]{8}$")]
    [InlineData("MIT AND", "^LicenseRef-MIT-AND-[0-9a-f]{8}$")]
    [InlineData("(MIT", "^LicenseRef-MIT-[0-9a-f]{8}$")]
    [InlineData("MIT WITH nothing", "^LicenseRef-MIT-WITH-nothing-[0-9a-f]{8}$")]
    public void Anything_else_becomes_what_it_surely_means_or_a_reference_with_a_text(string tag, string expected)
    {
        var (expression, texts) = LicenseTag.Read(tag);

        Assert.Matches(expected, expression);
        Assert.Equal(expression!.Contains("LicenseRef", StringComparison.Ordinal), texts.Count > 0);
        Assert.All(texts.Keys, k => Assert.Contains(k, expression, StringComparison.Ordinal));
    }

    [Fact]
    public void No_tag_is_no_expression() => Assert.Null(LicenseTag.Read(" ").Expression);
}

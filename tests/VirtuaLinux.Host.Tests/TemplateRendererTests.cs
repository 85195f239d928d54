namespace VirtuaLinux.Host.Tests;

public class TemplateRendererTests
{
    private static readonly Dictionary<string, object?> Model = new()
    {
        ["name"] = "blade16",
        ["gateway"] = null,
        ["mac"] = VirtuaLinux.Model.MacAddress.Parse("52:54:00:77:00:01"),
        ["count"] = 3,
        ["ready"] = true,
        ["nodes"] = new[] { new Dictionary<string, object?> { ["name"] = "node01" }, new Dictionary<string, object?> { ["name"] = "node02" } },
        ["ports"] = new Dictionary<string, int> { ["http"] = 80 },
    };

    [Theory]
    [InlineData("{{ name }} {{ mac }} {{ count + 1 }} {{ ports.http }}", "blade16 52:54:00:77:00:01 4 80")]
    [InlineData("{{ for node in nodes }}{{ node.name }};{{ end }}", "node01;node02;")]
    [InlineData("{{ if gateway }}via {{ gateway }}{{ else }}none{{ end }}", "none")]
    [InlineData("{{ if ready }}yes{{ end }}", "yes")]
    [InlineData("line\n{{~ if ready ~}}\nmore\n{{~ end ~}}\n", "line\nmore\n")]
    [InlineData("plain $VARIABLE text {}", "plain $VARIABLE text {}")]
    public void A_template_is_filled(string template, string text) => Assert.Equal(text, TemplateRenderer.Render("t.sbn", template, Model));

    [Theory]
    [InlineData("a\n{{ nmae }}", "boot.ipxe.sbn:2: ")]
    [InlineData("a\nb\n{{ nodes[0].ip }}", "boot.ipxe.sbn:3: ")]
    [InlineData("{{ for node in nodes }}\n{{ node.ip }}{{ end }}", "boot.ipxe.sbn:2: ")]
    [InlineData("{{ nodes[2].name }}", "boot.ipxe.sbn:1: ")]
    [InlineData("a\n{{ if }}{{ end }}", "boot.ipxe.sbn:2: ")]
    [InlineData("{{ for node in nodes }}", "boot.ipxe.sbn:1: ")]
    [InlineData("\n\n{{ name | no_such_function }}", "boot.ipxe.sbn:3: ")]
    public void What_a_template_asks_for_in_vain_is_an_error_with_its_line(string template, string start)
    {
        var e = Assert.Throws<FailureException>(() => TemplateRenderer.Render("boot.ipxe.sbn", template, Model));
        Assert.StartsWith(start, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_site_of_five_thousand_nodes_is_not_too_much_for_a_template()
    {
        var nodes = Enumerable.Range(0, 5000).Select(i => new Dictionary<string, object?> { ["name"] = $"node{i}" });
        var text = TemplateRenderer.Render("hosts.sbn", "{{ for node in nodes }}{{ node.name }}{{ 'x' | string.pad_right 300 }}\n{{ end }}", new Dictionary<string, object?> { ["nodes"] = nodes });
        Assert.Equal(5000, text.Count(c => c == '\n'));
    }
}

namespace VirtuaLinux.Host.Tests;

public class ExternalCommandTests
{
    [Fact]
    public void A_command_line_is_shown_as_a_shell_would_take_it() =>
        Assert.Equal(@"mke2fs -d '/a folder' '' 'it'\''s' -E a=b,c @x 100%", ExternalCommand.Of("mke2fs", "-d", "/a folder", "", "it's", "-E", "a=b,c", "@x", "100%").ToString());

    [Fact]
    public void A_secret_is_never_shown_not_even_as_a_part_of_an_argument() =>
        Assert.Equal("iscsiadm -v *** --password=*** -n user", ExternalCommand.Of("iscsiadm", "-v", "hush", "--password=hush", "-n", "user").WithSecret("hush").ToString());

    [Fact]
    public void Adding_to_a_command_leaves_the_first_one_as_it_was()
    {
        var one = ExternalCommand.Of("a", "b");
        var other = one.With("c").WithTimeout(TimeSpan.FromSeconds(1)).WithEnvironment("X", "1").WithInput("in").Accepting(1, 2).WithWorkingDirectory("/");
        Assert.Equal("a b", one.ToString());
        Assert.Equal("a b c", other.ToString());
        Assert.Empty(one.Environment);
        Assert.Equal([0], one.AcceptedExitCodes);
        Assert.Null(one.Input);
    }
}

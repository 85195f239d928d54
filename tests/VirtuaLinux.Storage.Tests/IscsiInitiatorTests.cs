namespace VirtuaLinux.Storage.Tests;

public sealed class IscsiInitiatorTests
{
    [Theory]
    [InlineData("iscsistart: session 1 login rejected: Initiator failed authentication with target\niscsistart: initiator reported error (24 - iSCSI login failed due to authorization failure)\n", 24)]
    [InlineData("iscsistart: initiator reported error (8 - connection timed out)", 8)]
    public void The_reason_of_a_refused_login_is_read_from_iscsistart(string error, int number) => Assert.Equal(number, IscsiInitiator.ReportedError(error));

    [Fact]
    public void Other_words_have_no_number() => Assert.Null(IscsiInitiator.ReportedError("iscsistart: version 2.1.11"));
}

using VirtuaLinux.Host;

namespace VirtuaLinux.Node.Tests;

public sealed class SshHostKeyTests
{
    [Fact]
    public async Task A_fingerprint_is_the_one_that_ssh_shows()
    {
        var folder = Directory.CreateTempSubdirectory("virtualinux-key");
        try
        {
            var runner = new CommandRunner();
            var key = Path.Combine(folder.FullName, "key");
            await runner.RunAsync(ExternalCommand.Of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key), TestContext.Current.CancellationToken);
            var shown = (await runner.RunAsync(ExternalCommand.Of("ssh-keygen", "-l", "-f", $"{key}.pub"), TestContext.Current.CancellationToken)).Output;
            Assert.Equal(shown.Split(' ')[1], SshHostKey.Fingerprint($"{key}.pub"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Without_a_key_there_is_no_fingerprint() => Assert.Null(SshHostKey.Fingerprint("/nonexistent"));
}

using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Node.Tests;

public class RootAssemblyTests
{
    private static readonly VerityTree Tree = new() { RootHash = new string('a', 64), Salt = new string('b', 64), DataBlocks = 1024, HashStart = 1025 };

    [Fact]
    public async Task A_hash_tree_that_the_manifest_was_not_signed_for_is_refused_before_anything_is_mapped()
    {
        var digest = ImageInfo.RootDigestOf(["c"], Tree);
        VerityTree?[] others = [null, Tree with { RootHash = new string('e', 64) }];
        foreach (var other in others)
        {
            var failure = await Assert.ThrowsAsync<FailureException>(() => AssembleAsync(digest, other));
            Assert.StartsWith("the SAN describes debian-13@1 otherwise than the manifest", failure.Message, StringComparison.Ordinal);
        }
        // The signed one is not: the next question is the kernel's, and the right one is looked for on the SAN.
        var said = new List<string>();
        Assert.Contains("vgcfgbackup", (await Assert.ThrowsAsync<InvalidOperationException>(() => AssembleAsync(digest, Tree, said.Add))).Message, StringComparison.Ordinal);
        Assert.Contains("debian-13@1, which node01 shall run, has not this machine's", Assert.Single(said), StringComparison.Ordinal);
    }

    private static Task AssembleAsync(string signed, VerityTree? verity, Action<string>? log = null)
    {
        var image = new ImageInfo
        {
            Image = ImageVersion.Parse("debian-13@1"),
            Distribution = "debian-13",
            KernelRelease = "not this machine's",
            RootSize = 8 << 20,
            ChunkSize = 8 << 20,
            Chunks = ["c"],
            RootDigest = signed,
            Verity = verity,
            BootSize = 1,
            BootDigest = "b",
            SourceDateEpoch = 0,
        };
        var node = new ManifestNode { Name = "node01", Interfaces = new Dictionary<string, SiteInterface>() };
        var manifest = new Manifest { SiteId = Guid.Empty, Serial = 1, Image = image.Image, RootDigest = signed, Name = "lab", Networks = new Dictionary<string, SiteNetwork>(), San = new SiteSan { Portals = [], Target = "iqn.test:san" }, Volumes = new SiteVolumes(), Nodes = [node] };
        var state = new SanState { SignedManifest = [], CaCertificate = "", CaKey = "", Images = [image] };
        return new RootAssembly(new NoPrograms(), log ?? (_ => { })).RunAsync("/dev/none", state, manifest, node, "network", null, TestContext.Current.CancellationToken);
    }

    private sealed class NoPrograms : ICommandRunner
    {
        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default) => throw new InvalidOperationException($"ran {command}");
    }
}

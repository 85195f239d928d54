using System.Globalization;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;

namespace VirtuaLinux.EndToEnd;

/// <summary>fio's verify (fio(1)): passes over two files in turn, random writes of 16 KiB past the page cache, eight at a time; a pass is acknowledged when its fsync(2) has returned and fio has ended without an error.
/// The last acknowledged pass must be there with each block of 4 KiB: header, checksum, and the pass's own seed, so that a block of the pass two before it, which was overwritten, is a lost write.
/// In the other file, which a pass was going over, no block may be torn; which of its blocks are of that pass fio cannot say.</summary>
/// <param name="random">Where the key comes from.</param>
/// <param name="program">How fio is called.</param>
public sealed class FioLoad(Random random, string program) : AcknowledgedLoad("pass", random)
{
    /// <summary>Where a host has it, whose nodes do not.</summary>
    public const string HostProgram = "/usr/bin/fio";

    private const string Folder = "/local/fio";

    // Only a job that could read as well holds blocks against its seed.
    private const string Seeded = "--rw=randrw --rwmixwrite=100", Unseeded = "--rw=randwrite";

    /// <summary>How a node calls what <see cref="InstallAsync"/> brought.</summary>
    public static string NodeProgram => $"{Folder}/ld-linux-x86-64.so.2 --library-path {Folder} {Folder}/fio";

    /// <summary>Both files are complete then.</summary>
    public override int Some => 2;

    /// <summary>Brings the host's fio with its libraries onto a node's local volume.</summary>
    public static async Task InstallAsync(TestLab lab, string node)
    {
        using var archive = new MemoryStream();
        var libraries = new LibraryResolver("/").Resolve([HostProgram]).Select(l => $"/{l}");
        await new CommandRunner().RunAsync(ExternalCommand.Of("tar", ["--create", "--gzip", "--dereference", "--absolute-names", "--transform=s:.*/::", HostProgram, .. libraries]).WithOutput(archive));
        archive.Position = 0;
        var installed = await lab.Lab.SshAsync(lab.Lab[node], ["sudo", "sh", "-c", $"mkdir -p {Folder} && tar --extract --gzip --directory {Folder} && sync -f {Folder} && {NodeProgram} --version"], archive);
        Assert.True(installed.ExitCode == 0, $"{node}: fio: {installed.Error}");
    }

    /// <inheritdoc/>
    public override string Write(string folder, string console) =>
        $"rm -f {folder}/blocks.?; {Pass(folder)}; i=1; while pass $i {Seeded} --do_verify=0 --end_fsync=1; do echo \"<pass $i>\" >> {console}; i=$((i+1)); done";

    /// <inheritdoc/>
    public override string Check(string folder, int acknowledged) =>
        $"{Pass(folder)}; pass {acknowledged} {Seeded} --verify_only && pass {acknowledged + 1} {Unseeded} --verify_only";

    private string Pass(string folder) =>
        $"pass() {{ n=$1; shift; {program} --name=blocks --filename={folder}/blocks.$((n%2)) --size=4m --bs=16k --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c --verify_interval=4k --verify_fatal=1 --verify_state_save=0 --randseed=$(({Seed}+n)) \"$@\" > /dev/null; }}";

    private uint Seed => uint.Parse(Key.AsSpan(0, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}

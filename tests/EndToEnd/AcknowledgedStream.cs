using System.Globalization;
using System.Text.RegularExpressions;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>A stream that only its key determines, written piece by piece into a node's root, each with fsync(2) before the console is told, as a database acknowledges; beside it, writes that wait for nothing.</summary>
/// <param name="Blade">Who writes.</param>
/// <param name="Key">The key.</param>
public sealed partial record AcknowledgedStream(Blade Blade, string Key)
{
    /// <summary>Writes as fast as the SAN takes them.</summary>
    public const string HeavyWrites = "while :; do dd if=/dev/urandom of=/srv/late bs=64k count=64 oflag=direct conv=notrunc; done";

    private const int PieceSize = 64 << 10, FirstPieces = 5;

    private string Source => $"openssl enc -aes-128-ctr -K {Key} -iv {new string('0', 32)} -in /dev/zero";

    /// <summary>Lets a node write until its power is cut; the first pieces are acknowledged.</summary>
    public static async Task<AcknowledgedStream> StartAsync(TestLab lab, string node, Random random)
    {
        var seed = new byte[16];
        random.NextBytes(seed);
        var stream = new AcknowledgedStream(lab.Lab[node], Convert.ToHexStringLower(seed));
        await lab.OnNodeAsync(node, "sudo", "systemd-run", "--quiet", "sh", "-c", HeavyWrites);
        await lab.OnNodeAsync(node, "sudo", "systemd-run", "--quiet", "sh", "-c",
            $"rm -f /srv/stream; {stream.Source} | {{ i=0; while dd of=/srv/stream bs={PieceSize} count=1 seek=$i iflag=fullblock conv=notrunc,fsync; do i=$((i+1)); echo \"<piece $i>\" > /dev/ttyS0; done; }}");
        await stream.WaitForMoreAsync(0);
        return stream;
    }

    /// <summary>The last piece that the console was told of since power-on.</summary>
    public int Acknowledged() => Piece().Matches(Blade.ReadConsole()).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(0).Max();

    /// <summary>Waits until some more pieces than a number of them are acknowledged.</summary>
    public Task WaitForMoreAsync(int pieces) =>
        Condition.WaitAsync($"{Blade.Name} to go on writing behind piece {pieces}", InstalledCluster.Deadline, () => Task.FromResult(Acknowledged() >= pieces + FirstPieces));

    /// <summary>Sees that so many pieces are there, to the last byte.</summary>
    /// <param name="lab">Where the volumes are mapped now.</param>
    /// <param name="node">The node that has them mapped.</param>
    /// <param name="pieces">How many were acknowledged when the power was cut.</param>
    /// <param name="root">Where the root of the node that wrote them is mounted.</param>
    public Task<string> CompareAsync(TestLab lab, string node, int pieces, string root = "") =>
        lab.OnNodeAsync(node, "sudo", "sh", "-c", $"{Source} 2>/dev/null | cmp -n {(long)pieces * PieceSize} - {root}/srv/stream");

    [GeneratedRegex(@"<piece (\d+)>")]
    private static partial Regex Piece();
}

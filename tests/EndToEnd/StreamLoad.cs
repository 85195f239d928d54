namespace VirtuaLinux.EndToEnd;

/// <summary>A stream, written piece by piece, each with fsync(2). All acknowledged pieces must be there, to the last byte.</summary>
public sealed class StreamLoad(Random random) : AcknowledgedLoad("piece", random)
{
    /// <summary>Bytes of a piece.</summary>
    public const int PieceSize = 64 << 10;

    private string Source => $"openssl enc -aes-128-ctr -K {Key} -iv {new string('0', 32)} -in /dev/zero";

    /// <inheritdoc/>
    public override string Write(string folder, string console) =>
        $"rm -f {folder}/stream; {Source} | {{ i=0; while dd of={folder}/stream bs={PieceSize} count=1 seek=$i iflag=fullblock conv=notrunc,fsync; do i=$((i+1)); echo \"<piece $i>\" >> {console}; done; }}";

    /// <inheritdoc/>
    public override string Check(string folder, int acknowledged) =>
        $"{Source} 2> /dev/null | cmp -n {(long)acknowledged * PieceSize} - {folder}/stream";
}

using VirtuaLinux.Model;

namespace VirtuaLinux.Install;

/// <summary>How far a peer came that is not up.</summary>
/// <param name="Node">The peer.</param>
/// <param name="Asked">Whether it asked for an address and got one.</param>
/// <param name="Received">Bytes that it took over TFTP and HTTP.</param>
/// <param name="Initrd">Size of the initrd, which is the last that it takes.</param>
public sealed record MissingPeer(ManifestNode Node, bool Asked, ByteSize Received, ByteSize Initrd)
{
    /// <summary>The verdict, and where to look.</summary>
    public string Verdict() => (Asked, Received) switch
    {
        (false, { Bytes: 0 }) => $"never asked for an address: is it on, its cable in, network boot on in its firmware, and {Node.Cluster.Mac} its MAC address?",
        (_, { Bytes: 0 }) => $"got the address {Node.Cluster.Ip} and fetched nothing: its firmware stopped there; look at its screen",
        var (_, bytes) when bytes.Bytes < Initrd.Bytes => $"fetched {bytes.ToRoundedString()} and stopped before its kernel and initrd were there: look at its screen and at the switch port",
        _ => "fetched its kernel and initrd and is not up: its console says what it waits for",
    };
}

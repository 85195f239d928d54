namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>First-stage loaders by client architecture (IANA, Processor Architecture Types; RFC 4578, RFC 5970), of which the export directory has some.</summary>
/// <param name="exists">Whether the export directory has a file.</param>
public sealed class BootLoaders(Func<string, bool> exists)
{
    // Looked for again this often: whoever puts a loader there need not restart the server.
    private const long RefreshMilliseconds = 2000;

    // A signed shim goes before iPXE, so that Secure Boot can stay on.
    private static readonly string[] s_bios = ["undionly.kpxe", "ipxe.pxe"];
    private static readonly string[] s_x86 = ["shimia32.efi", "ipxe-ia32.efi"];
    private static readonly string[] s_x64 = ["shimx64.efi", "ipxe.efi", "snponly.efi"];
    private static readonly string[] s_arm64 = ["shimaa64.efi", "ipxe-arm64.efi"];
    private static readonly string[][] s_all = [s_bios, s_x86, s_x64, s_arm64];

    private volatile string?[] _found = [.. s_all.Select(names => names.FirstOrDefault(exists))];
    private long _looked = Environment.TickCount64;

    /// <summary>The architectures that a loader can be had for. 9 is EFI byte code by RFC 4578, but x86-64 firmware sends it too (ipxe commit af9afd0).</summary>
    public static bool Knows(int architecture) => Place(architecture) >= 0;

    /// <summary>Whether an architecture loads over HTTP.</summary>
    public static bool IsHttp(int architecture) => architecture is 15 or 16 or 19 or 20;

    /// <summary>Names that are looked for, the best first.</summary>
    public static IReadOnlyList<string> Candidates(int architecture) => Place(architecture) switch { 0 => s_bios, 1 => s_x86, 2 => s_x64, 3 => s_arm64, _ => [] };

    /// <summary>The loader for an architecture; null when there is none.</summary>
    public string? For(int architecture)
    {
        if (Place(architecture) is not (>= 0 and var place)) return null;
        var now = Environment.TickCount64;
        if (now - Volatile.Read(ref _looked) >= RefreshMilliseconds)
        {
            Volatile.Write(ref _looked, now);
            _found = [.. s_all.Select(names => names.FirstOrDefault(exists))];
        }
        return _found[place];
    }

    private static int Place(int architecture) => architecture switch
    {
        0 or 20 => 0,
        6 or 15 => 1,
        7 or 9 or 16 => 2,
        11 or 19 => 3,
        _ => -1,
    };
}

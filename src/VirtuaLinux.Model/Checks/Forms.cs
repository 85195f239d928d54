using System.Text.RegularExpressions;

namespace VirtuaLinux.Model.Checks;

/// <summary>Forms of names, by the standards that define them.</summary>
internal static partial class Forms
{
    /// <summary>One label of a host name: letters, digits and inner hyphens, 1 to 63 characters (RFC 1123, section 2.1).</summary>
    [GeneratedRegex(@"\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\z")]
    public static partial Regex HostName { get; }

    /// <summary>Labels with dots between them (RFC 1123, section 2.1).</summary>
    [GeneratedRegex(@"\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\z")]
    public static partial Regex Domain { get; }

    /// <summary>A key of the site file's own, such as a network's name.</summary>
    [GeneratedRegex(@"\A[a-z][a-z0-9-]{0,31}\z")]
    public static partial Regex Key { get; }

    /// <summary>An image's name; <see cref="ImageVersion"/> says the same.</summary>
    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9.-]*\z")]
    public static partial Regex ImageName { get; }

    /// <summary>An account's name as useradd(8) recommends it.</summary>
    [GeneratedRegex(@"\A[a-z_][a-z0-9_-]{0,31}\z")]
    public static partial Regex User { get; }

    /// <summary>An iSCSI name: iqn (RFC 7143, section 4.2.7.4), eui or naa (RFC 3980).</summary>
    [GeneratedRegex(@"\A(iqn\.[0-9]{4}-(0[1-9]|1[0-2])\.[a-z0-9-]+(\.[a-z0-9-]+)*(:[a-z0-9.:-]+)?|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16}([0-9A-Fa-f]{16})?)\z")]
    public static partial Regex IscsiName { get; }

    /// <summary>An NVMe qualified name, which begins like an iSCSI name (NVM Express Base Specification, NVMe Qualified Names); a comma would end it where the kernel is told of it.</summary>
    [GeneratedRegex(@"\Anqn\.[0-9]{4}-(0[1-9]|1[0-2])\.[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*:[!-+\x2D-~]+\z")]
    public static partial Regex NvmeName { get; }

    /// <summary>Printable ASCII without blanks.</summary>
    [GeneratedRegex(@"\A[!-~]+\z")]
    public static partial Regex Word { get; }
}

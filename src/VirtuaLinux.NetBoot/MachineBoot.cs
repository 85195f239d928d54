using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot;

/// <summary>How far one machine has come.</summary>
public sealed record MachineBoot
{
    /// <summary>Its name; <c>-</c> for one that is not in the manifest.</summary>
    public required string Name { get; init; }

    /// <summary>Its address.</summary>
    public required Ipv4Address Address { get; init; }

    /// <summary>The last stage that it came to.</summary>
    public required BootStage Stage { get; init; }

    /// <summary>For how long it has been there, in seconds.</summary>
    public required double StageSeconds { get; init; }

    /// <summary>Seconds since its boot began.</summary>
    public required double BootSeconds { get; init; }
}

namespace VirtuaLinux.Images.Definitions;

/// <summary>Which units of systemd run on every node, and which never may.</summary>
public sealed record ServiceFacts
{
    /// <summary>Units that start at boot.</summary>
    public IReadOnlyList<string> Enable { get; set; } = [];

    /// <summary>Units that do not start by themselves.</summary>
    public IReadOnlyList<string> Disable { get; set; } = [];

    /// <summary>Units that cannot be started at all.</summary>
    public IReadOnlyList<string> Mask { get; set; } = [];

    internal ServiceFacts On(ServiceFacts common) => new()
    {
        Enable = [.. common.Enable, .. Enable],
        Disable = [.. common.Disable, .. Disable],
        Mask = [.. common.Mask, .. Mask],
    };
}

namespace VirtuaLinux.Images.Definitions;

/// <summary>How a distribution fills a <see cref="Role"/>.</summary>
public sealed record RoleFacts
{
    /// <summary>Packages; what they depend on comes by itself, what they only recommend does not.</summary>
    public IReadOnlyList<string> Packages { get; set; } = [];

    /// <summary>Units of systemd that start at boot.</summary>
    public IReadOnlyList<string> Enable { get; set; } = [];

    /// <summary>Units that do not start by themselves.</summary>
    public IReadOnlyList<string> Disable { get; set; } = [];

    /// <summary>Units that cannot be started at all.</summary>
    public IReadOnlyList<string> Mask { get; set; } = [];

    /// <summary>Why the distribution cannot fill the role; empty when it does.</summary>
    public string Lacks { get; set; } = "";

    /// <summary>Whether nothing but <see cref="Lacks"/> may be said.</summary>
    internal bool IsEmpty => Packages.Count + Enable.Count + Disable.Count + Mask.Count == 0;

    /// <summary>These facts with what all distributions have beneath; of a role that is lacking, nothing.</summary>
    internal RoleFacts On(RoleFacts common) => Lacks.Length > 0 ? this : new()
    {
        Packages = [.. common.Packages, .. Packages],
        Enable = [.. common.Enable, .. Enable],
        Disable = [.. common.Disable, .. Disable],
        Mask = [.. common.Mask, .. Mask],
    };
}

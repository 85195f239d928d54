namespace VirtuaLinux.Images.Conformance;

/// <summary>What <see cref="StaticCheck"/> found out about a distribution.</summary>
/// <param name="Distribution">Its name.</param>
/// <param name="Title">Its name for people; empty when its facts do not load.</param>
/// <param name="Requirements">Everything that was looked at, in order.</param>
public sealed record ConformanceReport(string Distribution, string Title, IReadOnlyList<Requirement> Requirements)
{
    /// <summary>Whether all are met.</summary>
    public bool Passed => Requirements.All(r => r.Passed);
}

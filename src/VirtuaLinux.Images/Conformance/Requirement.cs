namespace VirtuaLinux.Images.Conformance;

/// <summary>One thing that a distribution must be, and whether it is.</summary>
/// <param name="Number">Counted from 1.</param>
/// <param name="Text">What is required.</param>
/// <param name="Passed">Whether it is so.</param>
/// <param name="Evidence">What was seen; each line of it is one finding.</param>
public sealed record Requirement(int Number, string Text, bool Passed, string Evidence);

namespace VirtuaLinux.Images;

/// <summary>Progress of a build.</summary>
/// <param name="Stage">Name of the stage: <c>packages</c>, <c>archive</c>, <c>inventory</c>, <c>tree</c>, <c>root</c>, <c>modules</c>, <c>tools</c>, <c>initrd</c>, <c>boot</c>, <c>iso</c>, <c>digest</c>, <c>trust</c>.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Text">What is being done, for people; empty when there is nothing to say.</param>
/// <param name="Elapsed">Time since the stage started.</param>
/// <param name="Size">Bytes of the stage's result; 0 until it is done.</param>
public sealed record BuildEvent(string Stage, BuildEventKind Kind, string Text, TimeSpan Elapsed, long Size);

/// <summary>What a <see cref="BuildEvent"/> tells.</summary>
public enum BuildEventKind
{
    /// <summary>The stage begins.</summary>
    Started,

    /// <summary>The stage is at work on something.</summary>
    Working,

    /// <summary>Something that the vendor should know, but that does not stop the build.</summary>
    Warning,

    /// <summary>The stage was built.</summary>
    Built,

    /// <summary>The stage's result was in the cache.</summary>
    Cached,
}

namespace VirtuaLinux.NetBoot;

/// <summary>A number that is counted; thread-safe.</summary>
public sealed class Counter
{
    private long _value;

    /// <summary>The number now.</summary>
    public long Value => Interlocked.Read(ref _value);

    /// <summary>Adds to it.</summary>
    public void Add(long number = 1) => Interlocked.Add(ref _value, number);
}

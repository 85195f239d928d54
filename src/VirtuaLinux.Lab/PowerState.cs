namespace VirtuaLinux.Lab;

/// <summary>Whether a blade runs.</summary>
public enum PowerState
{
    /// <summary>No power.</summary>
    Off,

    /// <summary>Running.</summary>
    On,

    /// <summary>Powered, its processors stopped.</summary>
    Paused,
}

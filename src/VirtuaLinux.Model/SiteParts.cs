namespace VirtuaLinux.Model;

/// <summary>Optional parts of a site file that a command needs; name, networks and nodes are always required.</summary>
[Flags]
public enum SiteParts
{
    /// <summary>Nothing more: enough to serve boot files.</summary>
    None = 0,

    /// <summary>The image that nodes run.</summary>
    Image = 1,

    /// <summary>The SAN.</summary>
    San = 2,

    /// <summary>At least one account with a key, so that somebody can log in.</summary>
    Access = 4,

    /// <summary>What an installation needs.</summary>
    Installation = Image | San | Access,
}

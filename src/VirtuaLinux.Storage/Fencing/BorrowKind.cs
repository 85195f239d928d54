namespace VirtuaLinux.Storage.Fencing;

/// <summary>What a node does with volumes that it borrows. A kind that a later release knows counts as writing.</summary>
public enum BorrowKind
{
    /// <summary>It writes them, in the place of a node that is fenced.</summary>
    Write,

    /// <summary>It reads them as a node that is off left them. The node may start all the same; what was read is worth nothing then.</summary>
    Read,
}

namespace VirtuaLinux.Storage.Fencing;

/// <summary>The blocks of the LUN that are only ever changed by COMPARE AND WRITE, each at a place of its own (see <see cref="SanLayout"/>).</summary>
public enum SharedBlock
{
    /// <summary>Who may change the volume group: <see cref="LeaseBlock"/>.</summary>
    Lease,

    /// <summary>Who is shut out: <see cref="FenceBlock"/>.</summary>
    Fences,

    /// <summary>Who copies the site to another array: <see cref="MoveBlock"/>.</summary>
    Move,

    /// <summary>Who serves the volume that all nodes share: <see cref="LeaseBlock"/>, which its holder renews.</summary>
    Serving,

    /// <summary>Whose volumes are in use on another node: <see cref="BorrowBlock"/>.</summary>
    Borrows,
}

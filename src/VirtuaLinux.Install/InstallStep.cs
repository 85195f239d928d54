namespace VirtuaLinux.Install;

/// <summary>The steps of an installation that change something, in their order. Each may be repeated from its start at any time.</summary>
public enum InstallStep
{
    /// <summary>Write the partition table and clear the journal.</summary>
    Partition,

    /// <summary>Make the physical volume and the volume group.</summary>
    CreateVolumeGroup,

    /// <summary>Stream the root image to the origin.</summary>
    WriteOrigin,

    /// <summary>Read the origin back.</summary>
    VerifyOrigin,

    /// <summary>Write the boot volume and read it back.</summary>
    WriteBoot,

    /// <summary>Create the volumes of every node.</summary>
    CreateRoots,

    /// <summary>Sign the manifest and commit the site's state.</summary>
    CommitSite,

    /// <summary>Fill the EFI partition, from which firmware that boots the LUN starts a node.</summary>
    WriteStarter,

    /// <summary>Serve boot until the peers are up.</summary>
    BringUpPeers,

    /// <summary>See that the peers serve boot and hold the manifest.</summary>
    HandOver,

    /// <summary>Nothing is left to do: the site is finished.</summary>
    Done,

    /// <summary>No step of an installation: the site is being moved to this LUN from another array, as the journal's <see cref="Journal.Move"/> says.</summary>
    Move,
}

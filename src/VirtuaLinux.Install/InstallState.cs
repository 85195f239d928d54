using VirtuaLinux.Model;

namespace VirtuaLinux.Install;

/// <summary>Where an installation is.</summary>
public enum InstallPhase
{
    /// <summary>The LUN is looked at.</summary>
    Inspect,

    /// <summary>The plan waits for its yes.</summary>
    Confirm,

    /// <summary>The site is finished, and a person may choose something else than to start a node.</summary>
    Choose,

    /// <summary>Steps are run.</summary>
    Install,

    /// <summary>Over: the machine reboots, goes on as a node, or stopped.</summary>
    End,
}

/// <summary>The state of the metamaster's state machine.</summary>
public sealed record InstallState
{
    /// <summary>Where it is.</summary>
    public InstallPhase Phase { get; init; } = InstallPhase.Inspect;

    /// <summary>Name of the site that the technician brought.</summary>
    public required string Site { get; init; }

    /// <summary>Name of this machine in it.</summary>
    public required string Node { get; init; }

    /// <summary>The image on the medium.</summary>
    public required ImageVersion Image { get; init; }

    /// <summary>Digest of its root.</summary>
    public required string RootDigest { get; init; }

    /// <summary>Whether the site on the LUN is this one, finished: a no leads back to what can be done with it.</summary>
    public bool IsFinished { get; init; }

    /// <summary>The journal; null before the plan is confirmed.</summary>
    public Journal? Journal { get; init; }
}

/// <summary>What happened.</summary>
public abstract record InstallEvent
{
    private InstallEvent() { }

    /// <summary>The LUN was looked at.</summary>
    /// <param name="Content">What is on it.</param>
    public sealed record SanInspected(SanContent Content) : InstallEvent;

    /// <summary>The plan got its yes, and a second one where foreign data is destroyed.</summary>
    /// <param name="SiteId">Identity for the new site.</param>
    public sealed record Confirmed(Guid SiteId) : InstallEvent;

    /// <summary>The plan was refused.</summary>
    public sealed record Refused : InstallEvent;

    /// <summary>A step ended well.</summary>
    /// <param name="Step">The step.</param>
    /// <param name="Seconds">How long it took.</param>
    public sealed record StepDone(InstallStep Step, double Seconds) : InstallEvent;

    /// <summary>What shall happen on a finished site was chosen, or nobody was there to choose.</summary>
    /// <param name="Choice">The choice.</param>
    public sealed record Chosen(SiteChoice Choice) : InstallEvent;

    /// <summary>What was chosen on a finished site is done, or was given up without a trace.</summary>
    public sealed record ChoiceDone : InstallEvent;
}

/// <summary>What to do.</summary>
public abstract record InstallAction
{
    private InstallAction() { }

    /// <summary>Show the plan and ask.</summary>
    /// <param name="Foreign">Data that would be destroyed, which needs a second yes; null for a blank LUN.</param>
    /// <param name="FinishedSite">Name of the finished site among that data: only a person who types it, and no live node, lets it go.</param>
    public sealed record Ask(string? Foreign, string? FinishedSite = null) : InstallAction;

    /// <summary>Show what can be done on a finished site and let a person choose.</summary>
    public sealed record Offer : InstallAction;

    /// <summary>Do what was chosen on a finished site, and report its end.</summary>
    /// <param name="Choice">The choice.</param>
    public sealed record Carry(SiteChoice Choice) : InstallAction;

    /// <summary>Write the journal and force it to the medium.</summary>
    /// <param name="Journal">The journal.</param>
    public sealed record WriteJournal(Journal Journal) : InstallAction;

    /// <summary>Run a step and report its end.</summary>
    /// <param name="Step">The step.</param>
    public sealed record Run(InstallStep Step) : InstallAction;

    /// <summary>Take the medium out and boot over the network, as any node.</summary>
    public sealed record Reboot : InstallAction;

    /// <summary>The site is finished: go on as an ordinary node of it.</summary>
    public sealed record StartNode : InstallAction;

    /// <summary>Look at the LUN again after a while: somebody else is at work.</summary>
    /// <param name="Reason">Who.</param>
    public sealed record Wait(string Reason) : InstallAction;

    /// <summary>Stop and say why.</summary>
    /// <param name="Reason">What is wrong and what to do.</param>
    public sealed record Stop(string Reason) : InstallAction;
}

/// <summary>What a technician may do on a finished site.</summary>
public enum SiteChoice
{
    /// <summary>Start this machine as an ordinary node; what happens when nobody chooses.</summary>
    StartNode,

    /// <summary>Change the site to what the site file says: machines that were replaced or added.</summary>
    ChangeSite,

    /// <summary>Write the medium's image beside those that the site has.</summary>
    AddImage,

    /// <summary>A shell, with the network and the SAN up.</summary>
    Rescue,

    /// <summary>Destroy the site and install it anew.</summary>
    Reinstall,
}

/// <summary>What is on a LUN.</summary>
public abstract record SanContent
{
    private SanContent() { }

    /// <summary>Nothing.</summary>
    public sealed record Blank : SanContent;

    /// <summary>Something that is not ours.</summary>
    /// <param name="Description">What it is.</param>
    public sealed record Foreign(string Description) : SanContent;

    /// <summary>A journal: an installation that was interrupted, or a finished site.</summary>
    /// <param name="Journal">The journal.</param>
    /// <param name="HolderIsAlive">Whether the machine that holds it answers.</param>
    public sealed record Ours(Journal Journal, bool HolderIsAlive) : SanContent;
}

using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Install;

/// <summary>What a technician can do with the medium on a site that is finished. Starting a node is what happens when nobody is there.</summary>
/// <param name="context">What the steps work with.</param>
/// <param name="exclusion">The lease on the volumes, which is held for commits only: running nodes need it for their stores to grow.</param>
public sealed class FinishedSite(InstallContext context, InstallExclusion exclusion)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly StorageSteps _storage = new(context);

    /// <summary>Shows what can be done, and waits ten seconds for a person; unattended, it waits for nobody.</summary>
    public async Task<SiteChoice> OfferAsync(CancellationToken cancellationToken = default)
    {
        if (context.Site.Answers is { Install: true }) return SiteChoice.StartNode;
        var (state, manifest) = Read();
        var self = Self(manifest);
        var change = Change(state, manifest);
        context.Console.Say($"site {manifest.Name} is finished: {manifest.Image}, manifest {manifest.Serial}, {manifest.Nodes.Count} nodes; this machine is {(self is null ? "none of them" : self.Name)}");
        var choices = Choices(self, change, manifest).ToList();
        foreach (var ((_, text), index) in choices.Select((c, i) => (c, i))) context.Console.Say($"  {index + 1}  {text}");
        // Without this machine in the manifest there is nothing to start by itself.
        var patience = self is null ? Timeout.InfiniteTimeSpan : Patience;
        while (true)
        {
            var question = patience == Patience ? $"Type a number; {self!.Name} starts in {Patience.TotalSeconds:0} s:" : "Type a number:";
            if (await context.Console.AskAsync(question, patience, cancellationToken).ConfigureAwait(false) is not { } answer) return SiteChoice.StartNode;
            if (int.TryParse(answer, out var number) && number >= 1 && number <= choices.Count) return choices[number - 1].Choice;
            if (answer.Length == 0 && self is not null) return SiteChoice.StartNode;
            patience = Timeout.InfiniteTimeSpan;
        }
    }

    /// <summary>Does what was chosen; what cannot be done is said, and nothing is left half-done that the next try would trip over.</summary>
    public async Task CarryAsync(SiteChoice choice, CancellationToken cancellationToken = default)
    {
        try
        {
            await (choice switch
            {
                SiteChoice.ChangeSite => ChangeAsync(cancellationToken),
                SiteChoice.AddImage => AddImageAsync(cancellationToken),
                _ => context.Console.ShellAsync(context.Runner, cancellationToken),
            }).ConfigureAwait(false);
        }
        catch (FailureException e)
        {
            context.Console.Say($"not done: {e.Message}");
        }
    }

    private IEnumerable<(SiteChoice Choice, string Text)> Choices(ManifestNode? self, SiteChange change, Manifest manifest)
    {
        if (self is not null) yield return (SiteChoice.StartNode, $"start this machine as {self.Name}");
        if (change.Obstacle() is { } obstacle) context.Console.Say($"  site.yaml differs from the site and cannot be taken over: {obstacle}");
        else if (!change.IsEmpty) yield return (SiteChoice.ChangeSite, $"change the site to what site.yaml says: {string.Join("; ", change.Lines())}");
        if (manifest.DigestOf(context.Image.Image) != context.Image.RootDigest) yield return (SiteChoice.AddImage, $"add the image {context.Image.Image} to the site, beside those that it has");
        yield return (SiteChoice.Rescue, "rescue shell");
        yield return (SiteChoice.Reinstall, "reinstall: destroys the site with all its data");
    }

    private async Task ChangeAsync(CancellationToken cancellationToken)
    {
        var (state, manifest) = Read();
        var change = Change(state, manifest);
        if (change.Obstacle() is { } obstacle) throw new FailureException(obstacle);
        var need = SpaceNeed.OfNodes(await _storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false), context.Site.Nodes.Select(n => n.Name), context.Site.Volumes);
        change = change with { Space = need };
        foreach (var line in change.Lines()) context.Console.Say($"  {line}");
        if (await context.Console.AskAsync("Type 'yes' to change the site, anything else to leave it:", cancellationToken).ConfigureAwait(false) != "yes" || !await MayTakeAsync("the change", need, cancellationToken).ConfigureAwait(false)) return;
        await AloneAsync(() => CommitAsync(change, cancellationToken), cancellationToken).ConfigureAwait(false);
        context.Console.Say($"manifest {change.Wanted.Serial} is committed; the running nodes take it over by themselves");
    }

    private async Task CommitAsync(SiteChange change, CancellationToken cancellationToken)
    {
        var (state, manifest) = Read();
        if (manifest.Serial != change.Current.Serial) throw new FailureException($"somebody else committed manifest {manifest.Serial} meanwhile; choose again");
        await exclusion.SeeThatTheyAreGoneAsync(manifest, [.. change.Replaced, .. change.Removed], cancellationToken).ConfigureAwait(false);
        // The commit comes last: if the power goes before it, the change is still there to be chosen. Volumes without a manifest
        // that names them harm nobody, and a starter that knows the new machines asks the manifest on the SAN all the same.
        // This machine logged in with the secret of the medium, so the array knows it.
        var next = StorageSteps.Next(SiteUpdate.WithSecret(state, context.Site, context.ChapSecret), change.Wanted);
        await _storage.CreateRootsAsync(cancellationToken).ConfigureAwait(false);
        await new StarterPartition(context.Runner, context.Disk, context.Console.Log).WriteAsync(next, cancellationToken).ConfigureAwait(false);
        _storage.Commit(next);
        // What was shut out is the old machine, which is not in the site any more.
        await exclusion.UnfenceAsync(change.LetIn, CancellationToken.None).ConfigureAwait(false);
    }

    private SiteChange Change(SanState state, Manifest manifest) => SiteChange.To(manifest, context.Site, SiteUpdate.WithSecret(state, context.Site, context.ChapSecret).ChapSecret != state.ChapSecret);

    /// <summary>Refuses what there is no room for, and asks before the reserve is taken.</summary>
    private async Task<bool> MayTakeAsync(string what, SpaceNeed need, CancellationToken cancellationToken)
    {
        need.Require(what, fromReserve: true);
        if (!need.TakesReserve) return true;
        context.Console.Say($"{what} takes from the reserve, which exception stores grow from when they fill: {need}");
        return await context.Console.AskAsync("Type 'reserve' to take it, anything else to leave it:", cancellationToken).ConfigureAwait(false) == "reserve";
    }

    private async Task AddImageAsync(CancellationToken cancellationToken)
    {
        var need = SpaceNeed.OfImage(await _storage.ReadGroupAsync(cancellationToken).ConfigureAwait(false), context.Image, Read().Manifest.Volumes.Reserve);
        if (!await MayTakeAsync($"image {context.Image.Image}", need, cancellationToken).ConfigureAwait(false)) return;
        await _storage.ImageUnder(AloneAsync).WriteAsync(cancellationToken).ConfigureAwait(false);
        await AloneAsync(() =>
        {
            var (state, manifest) = Read();
            var next = manifest.WithImage(context.Image.Image, context.Image.RootDigest) with { Serial = manifest.Serial + 1 };
            _storage.Commit(StorageSteps.Next(state.WithImage(context.Image), next));
            return Task.CompletedTask;
        }, cancellationToken).ConfigureAwait(false);
        context.Console.Say($"{context.Image.Image} is on the SAN, verified; 'virtualinux image rollout {context.Image.Image}' on a node lets the nodes run it");
    }

    private async Task AloneAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        await exclusion.HoldAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await work().ConfigureAwait(false);
        }
        finally
        {
            await exclusion.ReleaseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>This machine in the manifest on the SAN; it may be there under no name, or under another card.</summary>
    private static ManifestNode? Self(Manifest manifest) => NetworkLink.Interfaces().Values.Select(manifest.FindNode).FirstOrDefault(n => n is not null);

    private (SanState State, Manifest Manifest) Read() => NodeBoot.ReadSite(context.Disk);
}

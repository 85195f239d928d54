using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install;

/// <summary>Makes a shared block of the LUN anew that is damaged, from the one machine of the site that runs.</summary>
/// <param name="runner">Runs programs.</param>
/// <param name="luns">The site's LUNs, the first one first.</param>
/// <param name="manifest">The site.</param>
/// <param name="self">This machine's address.</param>
/// <param name="key">The key of its boot; null where it has none yet.</param>
public sealed class BlockRepair(ICommandRunner runner, IReadOnlyList<ISharedDisk> luns, Manifest manifest, Ipv4Address self, ReservationKey? key)
{
    /// <summary>From a running node.</summary>
    /// <exception cref="FailureException">This machine is no node, or one of the site's LUNs is not there.</exception>
    public static async Task<BlockRepair> OnNodeAsync(ICommandRunner runner, CancellationToken cancellationToken = default)
    {
        var storage = NodeStorage.Open(runner);
        await storage.AttachAsync(cancellationToken).ConfigureAwait(false);
        return new BlockRepair(runner, [storage.Lun, .. storage.Luns.Skip(1).Select(l => ISharedDisk.Of(runner, l.Disk))], storage.Manifest, storage.Self.Cluster.Ip, storage.Key);
    }

    /// <summary>What would be done; nothing is changed.</summary>
    /// <param name="block">Which block.</param>
    /// <param name="poweredOff">Whether somebody has seen that all other machines are off.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">The block can be read, a newer release wrote it, or another machine of the site runs or may run.</exception>
    public async Task<BlockRepairPlan> PlanAsync(SharedBlock block, bool poweredOff, CancellationToken cancellationToken = default)
    {
        var bytes = await luns[0].ReadBlockAsync(block, cancellationToken).ConfigureAwait(false);
        if (UnreadableBlock.NewerFormat(block, bytes) is not null) throw UnreadableBlock.Failure(block, bytes);
        if (UnreadableBlock.IsReadable(block, bytes)) throw new FailureException($"{UnreadableBlock.Describe(block)} on the SAN can be read; there is nothing to repair");
        var alive = await LiveNodes.FindAsync(runner, manifest.Nodes.Where(n => n.Cluster.Ip != self), cancellationToken).ConfigureAwait(false);
        if (alive.Count > 0) throw new FailureException($"{string.Join(", ", alive)} still answers; switch the machine off first");
        var canFence = await luns[0].CanFenceAsync(cancellationToken).ConfigureAwait(false);
        if (!canFence && !poweredOff) throw new FailureException($"{Exclusion.Describe(null)}; see that every other machine of the site is off, and add --powered-off");
        var known = canFence ? await ReadKeysAsync(cancellationToken).ConfigureAwait(false) : [];
        return new BlockRepairPlan(block, bytes, [.. known.Where(k => k.Node != self).Select(k => k.Node is { } node ? manifest.NameOf(node) : k.ToString()).Distinct()]);
    }

    /// <summary>Does what was planned. After a power cut the same command does it again.</summary>
    /// <param name="planned">What the administrator saw.</param>
    /// <param name="poweredOff">Whether somebody has seen that all other machines are off.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellationToken">Ends it before the first change.</param>
    /// <exception cref="FailureException">Something is not as it was planned, or the SAN refused.</exception>
    public async Task ApplyAsync(BlockRepairPlan planned, bool poweredOff, DateTimeOffset now, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(planned);
        var plan = await PlanAsync(planned.Block, poweredOff, cancellationToken).ConfigureAwait(false);
        if (!plan.Bytes.AsSpan().SequenceEqual(planned.Bytes) || !plan.ShutOut.SequenceEqual(planned.ShutOut)) throw new FailureException("the block, or who is registered with the SAN, has changed since the plan was made; nothing was done, look at it again");
        var own = await luns[0].CanFenceAsync(cancellationToken).ConfigureAwait(false)
            ? key ?? ReservationKey.Next(self, await ReadKeysAsync(cancellationToken).ConfigureAwait(false), count: 0)
            : (ReservationKey?)null;
        await new Exclusion(luns[0], [.. luns.Skip(1)]) { NameOf = manifest.NameOf }.RepairAsync(own, plan.Block, plan.Bytes, now, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<ReservationKey>> ReadKeysAsync(CancellationToken cancellationToken)
    {
        var keys = new List<ReservationKey>();
        foreach (var lun in luns) keys.AddRange(await lun.ReadKeysAsync(cancellationToken).ConfigureAwait(false));
        return keys;
    }
}

/// <summary>What a repair of a shared block does.</summary>
/// <param name="Block">Which block.</param>
/// <param name="Bytes">What it holds.</param>
/// <param name="ShutOut">Who is registered with the SAN beside this machine, and answers nothing.</param>
public sealed record BlockRepairPlan(SharedBlock Block, byte[] Bytes, IReadOnlyList<string> ShutOut)
{
    /// <summary>The plan in lines for people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"damaged: {UnreadableBlock.Describe(Block)}";
        yield return "written: an empty block";
        if (ShutOut.Count > 0) yield return $"shut out: {string.Join(", ", ShutOut)}, registered with the SAN and without an answer";
        if (Lost is { } lost) yield return $"lost: {lost}";
    }

    private string? Lost => Block switch
    {
        SharedBlock.Fences => "which nodes are fenced; before a node is switched on that must stay out, give 'virtualinux node fence' for it again",
        SharedBlock.Borrows => "whose volumes are mounted on other nodes; 'virtualinux node unmount' on this one ends what it has mounted itself",
        SharedBlock.Move => "the copy of the site to another array, if one was under way: it has to be made anew",
        _ => null,
    };
}

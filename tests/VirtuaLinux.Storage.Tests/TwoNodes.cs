using System.Globalization;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Storage.Tests;

/// <summary>
/// Two nodes that create, grow and delete volumes of one LUN, write to those that they have mapped, and commit the site's state; and what must hold whatever a seed lets happen to them.
/// Each change is one that was acknowledged, or the last one that was begun: nothing else is ever read.
/// </summary>
internal sealed class TwoNodes : IAsyncDisposable
{
    private const int Changes = 2, WritesOfAChange = 5, StepsOfAChange = 14;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly SiteVolumes s_volumes = new() { Root = ByteSize.FromMiB(16), Local = ByteSize.FromMiB(8) };

    private readonly Random _random;
    private readonly SimulatedSan _san;
    private readonly SimulatedLun _lun;
    private readonly Dictionary<int, ReservationKey?> _keys = [];
    private readonly Dictionary<int, List<LogicalVolume>> _mapped = new() { [1] = [], [2] = [] };
    private readonly Dictionary<long, (string Volume, byte[] Mark)> _data = [];
    private int? _fenced;
    private int _numbers;
    private VolumeGroup? _acknowledged, _begun;
    private string _acknowledgedState = "", _begunState = "";

    public TwoNodes(int seed)
    {
        _random = new Random(seed);
        _san = new SimulatedSan(seed) { CanFence = seed % 4 != 3 };
        _lun = new SimulatedLun(_san);
    }

    /// <summary>Changes that were acknowledged.</summary>
    public int Acknowledged { get; private set; }

    public ValueTask DisposeAsync() => _lun.DisposeAsync();

    public async Task CreateAsync()
    {
        await _lun.CreateAsync(ByteSize.FromMiB(640).Bytes);
        _acknowledged = await ReadAsync(new LvmTools(_lun.Directly, _lun.Group));
    }

    /// <summary>Both work; one of them dies at some instant, and the other one shuts it out and goes on.</summary>
    /// <param name="death">At a write that is torn, at a write that arrives when everybody has forgotten it, or in between; and whether it is off then, or only stands still.</param>
    public async Task WorkAsync(Death death)
    {
        var victim = 1 + _random.Next(2);
        var survivor = 3 - victim;
        var isStalled = death is Death.StalledAtAWrite or Death.Stalled && _san.CanFence;
        var lives = new Dictionary<int, Task> { [1] = LiveAsync(1), [2] = LiveAsync(2) };
        foreach (var (machine, life) in lives) _san.Watch(machine, life);

        var (writes, steps) = (_lun.WritesOf(victim) + _random.Next(1, WritesOfAChange * Changes), _random.Next(2 * StepsOfAChange * Changes));
        var isAtAWrite = death is Death.OffAtAWrite or Death.StalledAtAWrite;
        _san.Run(() => lives[victim].IsCompleted || (isAtAWrite ? _lun.WritesOf(victim) == writes && _lun.IsWriting(victim) : steps-- == 0));
        if (!lives[victim].IsCompleted)
        {
            if (isStalled) _san.Stop(victim);
            else PowerOff(victim, isTorn: isAtAWrite);
            RunFor(60);
            _san.Run(() => _keys.ContainsKey(survivor));
            // It may wake up while it is shut out.
            if (_random.Next(3) == 0) _san.Revive(victim);
            await DoAsync(survivor, new Exclusion(_san.For(survivor)).FenceAsync(_keys[survivor], Node(victim)));
            _fenced = victim;
            if (!isStalled) _mapped[victim] = [];
            RunFor(60);
            _san.Revive(victim);
        }
        _san.Run();

        await lives[survivor];
        if (isStalled || _fenced is null) await EndAsync(lives[victim], _fenced == victim);
        await CheckAsync();
        if (_fenced is null) return;
        _keys.Remove(victim);
        await DoAsync(survivor, new Exclusion(_san.For(survivor)).UnfenceAsync(Node(victim)));
        _fenced = null;
    }

    /// <summary>A node's life, until it dies: it boots where it has not yet, and changes the group a few times.</summary>
    private async Task LiveAsync(int machine)
    {
        var (disk, name) = (_san.For(machine), NodeName(machine));
        var lvm = new LvmTools(_lun.RunnerOf(machine), _lun.Group);
        if (!_keys.TryGetValue(machine, out var registered))
        {
            _mapped[machine] = [];
            registered = _keys[machine] = await new Exclusion(disk).EnterAsync(name, Node(machine), reserves: true);
            Map(machine, Look(await ReadAsync(lvm)));
        }
        var key = registered ?? new ReservationKey(Node(machine), 0);
        for (var change = 0; change < Changes; change++)
        {
            await UseAsync(machine);
            Look(await ReadAsync(lvm));
            await using var lease = await SanLease.TakeAsync(disk, key, name, s_patience, _san.Clock(machine));
            long sequence = 0;
            var group = await lease.ChangeAsync(_ => ReadAsync(lvm), g => Change(machine, key, g), async (next, token) =>
            {
                await lvm.CommitAsync(next, token);
                (_acknowledged, _begun, sequence) = (next, null, next.Sequence);
                Acknowledged++;
            });
            // Who was shut out since may see what the other one has made of it.
            Map(machine, Look(group));
            Assert.True(group.Sequence > sequence);
            await CommitStateAsync(machine, lease);
        }
    }

    /// <summary>What a node makes of the group that it has read under the lease.</summary>
    private VolumeGroup Change(int machine, ReservationKey key, VolumeGroup group)
    {
        // A machine that stood still does not know yet that it was shut out; the SAN takes no zeros of it.
        _lun.RequireWritable(machine);
        Assert.True(LeaseBlock.TryRead(_san.Peek(SharedBlock.Lease), out var lease) && lease.Holder == key, $"{NodeName(machine)} changes the volume group, and {lease.Name} has the lease");
        Rule(group);
        var next = Choose(machine, group);
        var added = next.Volumes.SelectMany(ExtentsOf).Except(group.Volumes.SelectMany(ExtentsOf)).ToHashSet();
        foreach (var (other, volumes) in _mapped)
            if (_san.TakesWriteOf(other)) Assert.False(volumes.SelectMany(ExtentsOf).Any(added.Contains), $"{NodeName(machine)} takes extents that {NodeName(other)} may still write");
        return _begun = next;
    }

    private VolumeGroup Choose(int machine, VolumeGroup group)
    {
        var own = NamesOf(group, machine);
        var (choice, other) = (_random.Next(4), 3 - machine);
        if (choice == 0 && _fenced == other && NamesOf(group, other) is { Count: > 0 } left) return Remove(group, left[_random.Next(left.Count)]);
        if (own.Count < 2 || choice == 1 && own.Count < 4) return NodeVolumes.AddNodes(group, [$"{NodeName(machine)}n{_numbers++}"], s_volumes, new Dictionary<string, string> { [group.PhysicalVolumes[0].Name] = _lun.Group });
        var name = own[_random.Next(own.Count)];
        if (choice == 2)
        {
            _mapped[machine].RemoveAll(v => v.Name.StartsWith($"{name}_", StringComparison.Ordinal));
            return Remove(group, name);
        }
        var grown = group.Find(_random.Next(2) == 0 ? NodeVolumes.StoreName(name) : NodeVolumes.LocalName(name))!;
        return group.Extend(grown.Name, new ByteSize(group.SizeOf(grown) + (1 + _random.Next(3)) * SanLayout.ExtentSize.Bytes));
    }

    private static VolumeGroup Remove(VolumeGroup group, string name) => group.Remove(NodeVolumes.MetadataName(name), NodeVolumes.StoreName(name), NodeVolumes.LocalName(name));

    private async Task CommitStateAsync(int machine, SanLease lease)
    {
        var state = await _san.Happen(machine, ReadState);
        await lease.RequireAsync();
        RuleState(state);
        _begunState = $"{machine}.{_numbers++}";
        await _lun.WriteStateAsync(machine, new SanState { SignedManifest = Encoding.ASCII.GetBytes(_begunState), CaCertificate = string.Concat(Enumerable.Repeat(_begunState, 1000)), CaKey = "", Images = [] });
        _acknowledgedState = _begunState;
    }

    private string ReadState()
    {
        using var journal = BlockDevice.Open(_lun.Journal, writable: false);
        return SanState.Read(journal) is { } state ? Encoding.ASCII.GetString(state.SignedManifest) : "";
    }

    /// <summary>Writes to a block of a volume that the node has mapped.</summary>
    private async Task UseAsync(int machine)
    {
        if (_mapped[machine] is not { Count: > 0 } mapped) return;
        var volume = mapped[_random.Next(mapped.Count)];
        var extents = ExtentsOf(volume).ToList();
        var (extent, mark) = (extents[_random.Next(extents.Count)], new byte[512]);
        Encoding.ASCII.GetBytes($"{volume.Name} {_numbers++}", mark);
        await _lun.WriteAsync(machine, new LunWrite(_lun.Group, OffsetOf(extent), mark), () =>
        {
            Assert.True(((VolumeGroup?[])[_acknowledged, _begun]).Any(g => g?.Volumes.FirstOrDefault(v => v.Id == volume.Id) is { } there && ExtentsOf(there).Contains(extent)), $"{NodeName(machine)} writes to extent {extent} of {volume.Name}, which is not there any more");
            _data[extent] = (volume.Id, mark);
        });
    }

    /// <summary>A group that was read without the lease.</summary>
    private VolumeGroup Look(VolumeGroup group)
    {
        Assert.Contains(TextOf(group), ((VolumeGroup?[])[_acknowledged, _begun]).OfType<VolumeGroup>().Select(TextOf));
        return group;
    }

    /// <summary>A group that was read when nobody else may change it: what was begun is done, or never will be.</summary>
    private void Rule(VolumeGroup group) => (_acknowledged, _begun) = (Look(group), null);

    private void RuleState(string state)
    {
        Assert.True(state == _acknowledgedState || state == _begunState, $"the site's state is {state}, after {_acknowledgedState} and {_begunState}");
        _acknowledgedState = _begunState = state;
    }

    private void Map(int machine, VolumeGroup group) => _mapped[machine] = [.. group.Volumes.Where(v => v.Name.StartsWith($"{NodeName(machine)}n", StringComparison.Ordinal))];

    private void PowerOff(int machine, bool isTorn)
    {
        if (isTorn) _lun.Tear(machine, _random);
        else _lun.Forget(machine);
        _san.Forget(machine);
    }

    private void RunFor(int most)
    {
        var steps = _random.Next(most);
        _san.Run(() => steps-- == 0);
    }

    private async Task DoAsync(int machine, Task task)
    {
        _san.Watch(machine, task);
        _san.Run(() => task.IsCompleted);
        Assert.True(task.IsCompleted, "an administrator's command does not come to an end");
        await task;
    }

    private static async Task EndAsync(Task life, bool isFenced)
    {
        Assert.True(life.IsCompleted);
        try
        {
            await life;
        }
        catch (FailureException) when (isFenced)
        {
        }
    }

    /// <summary>Holds what is on the LUN against what was acknowledged.</summary>
    private async Task<VolumeGroup> CheckAsync()
    {
        var group = await ReadAsync(new LvmTools(_lun.Directly, _lun.Group));
        Rule(group);
        RuleState(ReadState());
        var used = group.Volumes.SelectMany(ExtentsOf).ToList();
        Assert.Equal(used.Count, used.Distinct().Count());
        foreach (var volume in group.Volumes)
            foreach (var extent in ExtentsOf(volume))
                if (_data.TryGetValue(extent, out var data) && data.Volume == volume.Id) Assert.Equal(data.Mark, _lun.Read(OffsetOf(extent), data.Mark.Length));
        Assert.Equal("", await LvmAsync("vgck"));
        return group;
    }

    /// <summary>Holds what LVM says of the LUN, volume by volume, against what we read of it and what was acknowledged.</summary>
    public async Task VerifyAsync()
    {
        var group = await CheckAsync();
        var used = group.Volumes.Sum(v => v.Extents);
        var total = group.PhysicalVolumes[0].Count;
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{total} {total - used} {group.Volumes.Count} {group.Sequence} 0"), await LvmAsync("vgs", "vg_extent_count,vg_free_count,lv_count,vg_seqno,vg_missing_pv_count"));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{_lun.Group} {total} {used}"), await LvmAsync("pvs", "pv_name,pv_pe_count,pv_pe_alloc_count"));
        var segments = group.Volumes.SelectMany(v => v.Segments.Select(s => string.Create(CultureInfo.InvariantCulture, $"{v.Name} {v.Id} {group.SizeOf(v)} linear {_lun.Group}:{s.First}-{s.First + s.Count - 1}")));
        Assert.Equal(segments.Order(StringComparer.Ordinal), (await LvmAsync("lvs", "lv_name,lv_uuid,lv_size,segtype,seg_pe_ranges", "--segments")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    /// <summary>What LVM says, without a word of warning; a report with single spaces.</summary>
    private async Task<string> LvmAsync(string command, string? columns = null, params IReadOnlyList<string> more)
    {
        string[] report = columns is null ? [LvmTools.GroupName] : ["--noheadings", "--units", "b", "--nosuffix", "--separator", " ", "-o", columns, .. more];
        var result = await _lun.Directly.RunAsync(ExternalCommand.Of("lvm", [command, "--config", $"devices {{ use_devicesfile=0 filter=[\"a|^{_lun.Group}$|\",\"r|.*|\"] }}", .. report]).WithEnvironment("LVM_SUPPRESS_FD_WARNINGS", "1"));
        Assert.DoesNotContain("WARNING", result.Error, StringComparison.Ordinal);
        return string.Join('\n', result.Output.Split('\n').Select(l => l.Trim())).Trim();
    }

    private static async Task<VolumeGroup> ReadAsync(LvmTools lvm) => Assert.IsType<VolumeGroup>(await lvm.ReadAsync());

    private static IEnumerable<long> ExtentsOf(LogicalVolume volume) => volume.Segments.SelectMany(s => Enumerable.Range(0, (int)s.Count).Select(i => s.First + i));

    private long OffsetOf(long extent) => (_acknowledged!.PhysicalVolumes[0].Start + extent * _acknowledged.ExtentSectors) * 512;

    private static string TextOf(VolumeGroup group) => VolumeGroupWriter.Write(group with { Sequence = 0, Volumes = [.. group.Volumes.OrderBy(v => v.Name, StringComparer.Ordinal)] });

    private static List<string> NamesOf(VolumeGroup group, int machine) => [.. group.Volumes.Select(v => v.Name.Split('_')[0]).Where(n => n.StartsWith($"{NodeName(machine)}n", StringComparison.Ordinal)).Distinct()];

    private static string NodeName(int machine) => string.Create(CultureInfo.InvariantCulture, $"node0{machine}");

    private static Ipv4Address Node(int machine) => new(0xC0A8_4D0A + (uint)machine);
}

/// <summary>How a node dies.</summary>
internal enum Death
{
    /// <summary>It is off at a write, of which some sectors arrive.</summary>
    OffAtAWrite,

    /// <summary>It stands still at a write, which it sends when it was shut out.</summary>
    StalledAtAWrite,

    /// <summary>It is off at any instant.</summary>
    Off,

    /// <summary>It stands still at any instant, and goes on when it was shut out.</summary>
    Stalled,
}

using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage.Fencing;

namespace VirtuaLinux.Install.Tests;

/// <summary>A block of the LUN that cannot be read is made anew by the one machine that runs.</summary>
public sealed class BlockRepairTests
{
    private static readonly byte[] Noise = [.. Enumerable.Repeat((byte)7, 512)];
    private static readonly DateTimeOffset Now = new(2026, 11, 26, 16, 0, 0, TimeSpan.Zero);

    private readonly Network _network = new();

    public static TheoryData<SharedBlock> Blocks => [.. Enum.GetValues<SharedBlock>()];

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task A_damaged_block_is_told_with_its_command_and_is_empty_after_it(SharedBlock block)
    {
        var disk = await DamagedAsync(block);
        Assert.Contains($"'virtualinux storage repair --block {block.ToString().ToLowerInvariant()}'", UnreadableBlock.Failure(block, Noise).Message, StringComparison.Ordinal);
        Assert.Equal(block, UnreadableBlock.Find(block.ToString().ToLowerInvariant()));
        await RepairAsync(disk, block);
        var bytes = await disk.ReadBlockAsync(block);
        Assert.True(UnreadableBlock.IsReadable(block, bytes));
        Assert.NotNull(await new Exclusion(disk).EnterAsync("node02", Node(2).Cluster.Ip, reserves: true));
    }

    /// <summary>A node that hung since before the first fence must not take the empty list for the one that it knows, and register again.</summary>
    [Fact]
    public async Task Whoever_was_shut_out_sees_another_list_than_the_one_that_it_knew()
    {
        var disk = new MemoryDisk();
        var key = (await new Exclusion(disk).EnterAsync("node02", Node(2).Cluster.Ip, reserves: true))!.Value;
        var fences = await new Exclusion(disk).ReadFencesAsync();
        var (watch, _) = new KeyWatch(key).See(new Registrations(5, await disk.ReadKeysAsync(), fences));
        await disk.ReplaceBlockAsync(SharedBlock.Fences, await disk.ReadBlockAsync(SharedBlock.Fences), Noise);
        var plan = await Repair(disk).PlanAsync(SharedBlock.Fences, poweredOff: false);
        Assert.Equal(["node02"], plan.ShutOut);
        Assert.Contains("shut out: node02, registered with the SAN and without an answer", plan.Lines());
        await Repair(disk).ApplyAsync(plan, poweredOff: false, Now);
        Assert.DoesNotContain(key, await disk.ReadKeysAsync());
        // The array begins anew, with no keys: only the list tells the node that it was shut out.
        var answer = new Registrations(0, [], await new Exclusion(disk).ReadFencesAsync());
        (watch, _) = watch.See(answer);
        Assert.IsType<KeyVerdict.Restart>(watch.See(answer).Verdict);
    }

    [Fact]
    public async Task Nothing_is_written_while_another_machine_answers()
    {
        var disk = await DamagedAsync(SharedBlock.Lease);
        _network.Answers = Node(2).Cluster.Ip;
        var failure = await Assert.ThrowsAsync<FailureException>(() => RepairAsync(disk, SharedBlock.Lease));
        Assert.Equal("node02 still answers; switch the machine off first", failure.Message);
        Assert.Equal(Noise, await disk.ReadBlockAsync(SharedBlock.Lease));
        // The machine itself may answer.
        _network.Answers = Node(1).Cluster.Ip;
        await RepairAsync(disk, SharedBlock.Lease);
    }

    [Fact]
    public async Task Where_the_array_can_shut_nobody_out_somebody_must_have_seen_that_the_others_are_off()
    {
        var disk = await DamagedAsync(SharedBlock.Move, canFence: false);
        Assert.Contains("add --powered-off", (await Assert.ThrowsAsync<FailureException>(() => RepairAsync(disk, SharedBlock.Move))).Message, StringComparison.Ordinal);
        Assert.Equal(Noise, await disk.ReadBlockAsync(SharedBlock.Move));
        await Repair(disk).ApplyAsync(await Repair(disk).PlanAsync(SharedBlock.Move, poweredOff: true), poweredOff: true, Now);
        Assert.Equal(new byte[512], await disk.ReadBlockAsync(SharedBlock.Move));
    }

    [Theory]
    [InlineData("VLFENCE1", "can be read; there is nothing to repair")]
    [InlineData("VLFENCE2", "a newer release wrote the list of fenced nodes")]
    public async Task A_block_that_is_sound_or_of_a_newer_release_stays(string magic, string said)
    {
        var block = new FenceBlock(3, [Node(2).Cluster.Ip]).ToBytes(512);
        System.Text.Encoding.ASCII.GetBytes(magic).CopyTo(block, 0);
        var disk = new MemoryDisk();
        await disk.ReplaceBlockAsync(SharedBlock.Fences, new byte[512], block);
        Assert.Contains(said, (await Assert.ThrowsAsync<FailureException>(() => Repair(disk).PlanAsync(SharedBlock.Fences, poweredOff: true))).Message, StringComparison.Ordinal);
        Assert.Contains(said, (await Assert.ThrowsAsync<FailureException>(() => new Exclusion(disk).RepairAsync(null, SharedBlock.Fences, block, Now))).Message, StringComparison.Ordinal);
        Assert.Equal(block, await disk.ReadBlockAsync(SharedBlock.Fences));
    }

    [Fact]
    public async Task What_changed_since_the_plan_was_seen_is_left_alone()
    {
        var disk = await DamagedAsync(SharedBlock.Borrows);
        var plan = await Repair(disk).PlanAsync(SharedBlock.Borrows, poweredOff: false);
        byte[] other = [.. Noise[..511], 8];
        await disk.ReplaceBlockAsync(SharedBlock.Borrows, Noise, other);
        await Assert.ThrowsAsync<FailureException>(() => Repair(disk).ApplyAsync(plan, poweredOff: false, Now));
        Assert.Equal(other, await disk.ReadBlockAsync(SharedBlock.Borrows));
    }

    private static async Task<MemoryDisk> DamagedAsync(SharedBlock block, bool canFence = true)
    {
        var disk = new MemoryDisk(canFence);
        await disk.ReplaceBlockAsync(block, new byte[512], Noise);
        return disk;
    }

    private async Task RepairAsync(MemoryDisk disk, SharedBlock block) =>
        await Repair(disk).ApplyAsync(await Repair(disk).PlanAsync(block, poweredOff: false), poweredOff: false, Now);

    private BlockRepair Repair(MemoryDisk disk) => new(_network, [disk], Site, Node(1).Cluster.Ip, key: null);

    private static Manifest Site => new()
    {
        SiteId = Guid.Empty,
        Serial = 7,
        Image = ImageVersion.Parse("debian-13@1"),
        RootDigest = "00",
        Name = "blade16",
        Networks = new Dictionary<string, SiteNetwork> { ["cluster"] = new() { Subnet = Ipv4Subnet.Parse("192.168.77.0/24") } },
        Volumes = new SiteVolumes(),
        Nodes = [Node(1), Node(2)],
    };

    private static ManifestNode Node(uint number) => ManifestNode.From(new SiteNode { Name = $"node0{number}", Mac = new MacAddress(0x5254_0077_0000UL + number), Ip = new Ipv4Address(0xC0A8_4D0A + number) });

    /// <summary>One machine at most answers ping(8).</summary>
    private sealed class Network : ICommandRunner
    {
        public Ipv4Address? Answers { get; set; }

        public Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken = default) =>
            Task.FromResult(new CommandResult(Answers is { } address && command.Arguments.Contains(address.ToString()) ? 0 : 1, "", ""));
    }
}

using System.Globalization;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Lab;

namespace VirtuaLinux.EndToEnd;

/// <summary>What the loads call lost is lost, and nothing else: they write into a folder of this machine, and are killed.</summary>
public sealed class AcknowledgedLoadTests : IDisposable
{
    // More than there are pages: one of them is written twice.
    private const int Pages = 100, PageSize = 4096, RecordSize = 64;

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private string ConsoleFile => $"{_folder}/console";

    [Fact]
    public async Task A_stream_lacks_a_byte_or_a_piece()
    {
        var load = new StreamLoad(new Random(1));
        var pieces = await KillAsync(load, load.Some);
        await FindLostAsync(load, pieces + 2);
        var stream = $"{_folder}/stream";
        await FindLostAsync(load, pieces, () => Put(stream, pieces * StreamLoad.PieceSize - 1, [(byte)~Get(stream, pieces * StreamLoad.PieceSize - 1, 1)[0]]));
    }

    [Fact]
    public async Task A_database_lacks_a_record_or_has_a_page_that_is_lost_stale_torn_or_newer_than_its_log()
    {
        var load = new PagesLoad(new Random(1));
        await FindLostAsync(load, await KillAsync(load, Pages) + 2);
        string log = $"{_folder}/log", pages = $"{_folder}/pages";
        // What was under way when it was killed is brought to its end.
        var acknowledged = (int)(new FileInfo(log).Length / RecordSize);
        var records = Enumerable.Range(0, acknowledged).Select(n => Get(log, n * RecordSize, RecordSize)).ToList();
        var last = records[^1];
        Cut(log, acknowledged * RecordSize);
        Put(pages, SlotOf(last) * PageSize, Page(last));
        await RunAsync(load.Check(_folder, acknowledged));

        var versions = records.GroupBy(SlotOf).First(g => g.Count() > 1).ToList();
        await FindLostAsync(load, acknowledged, () => Cut(log, (acknowledged - 1) * RecordSize));
        await FindLostAsync(load, acknowledged, () => Put(log, RecordSize, new byte[RecordSize]));
        await FindLostAsync(load, acknowledged, () => Put(log, new FileInfo(log).Length, new byte[2 * RecordSize]));
        await FindLostAsync(load, acknowledged, () => Cut(pages, PageSize));
        await FindLostAsync(load, acknowledged, () => Put(pages, SlotOf(last) * PageSize, new byte[PageSize]));
        await FindLostAsync(load, acknowledged, () => Put(pages, SlotOf(versions[^1]) * PageSize, Page(versions[^2])));
        await FindLostAsync(load, acknowledged, () => Put(pages, SlotOf(versions[^1]) * PageSize + 3 * 512, Page(versions[^2])[..512]));
        var newer = Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(last)[..42] + $"{acknowledged + 10,21}\n");
        await FindLostAsync(load, acknowledged, () => Put(pages, SlotOf(last) * PageSize, Page(newer)));

        // The last page may be there or not where it was not acknowledged, and the log does not go on.
        await RunAsync(load.Check(_folder, acknowledged - 1));
        Put(pages, SlotOf(last) * PageSize, records.SkipLast(1).LastOrDefault(r => SlotOf(r) == SlotOf(last)) is { } before ? Page(before) : new byte[PageSize]);
        await RunAsync(load.Check(_folder, acknowledged - 1));
        await FindLostAsync(load, acknowledged);
        Put(log, acknowledged * RecordSize, new byte[RecordSize / 2]);
        await FindLostAsync(load, acknowledged - 1);
    }

    [Fact]
    public async Task A_pass_of_fio_has_a_block_that_is_lost_torn_or_of_another_pass()
    {
        if (!File.Exists(FioLoad.HostProgram)) Assert.Skip($"no {FioLoad.HostProgram}; install the package fio");
        var load = new FioLoad(new Random(1), FioLoad.HostProgram);
        var pass = await KillAsync(load, 2 * load.Some);
        await FindLostAsync(load, pass + 2);
        string last = $"{_folder}/blocks.{pass % 2}", other = $"{_folder}/blocks.{(pass + 1) % 2}";
        const int block = 77 * PageSize;
        await FindLostAsync(load, pass, () => File.Delete(last));
        await FindLostAsync(load, pass, () => Put(last, block, new byte[PageSize]));
        await FindLostAsync(load, pass, () => Put(last, block, Get(other, block, PageSize)));
        await FindLostAsync(load, pass, () => Put(last, block + 512, Get(other, block + 512, 512)));
        await FindLostAsync(load, pass, () => Put(other, block + 512, Get(last, block + 512, 512)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Lets a load write until so many steps are acknowledged, kills it, and sees that nothing is missing.</summary>
    /// <returns>The last step that was acknowledged.</returns>
    private async Task<int> KillAsync(AcknowledgedLoad load, int steps)
    {
        using var kill = new CancellationTokenSource();
        var writer = RunAsync(load.Write(_folder, ConsoleFile), kill.Token);
        await Condition.WaitAsync($"{steps} steps", TimeSpan.FromMinutes(2), () => Task.FromResult(writer.IsCompleted || Acknowledged(load) >= steps));
        await kill.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writer);
        // It has ended, and with it what it started, when the lock is free.
        await RunAsync("true");
        var acknowledged = Acknowledged(load);
        await RunAsync(load.Check(_folder, acknowledged));
        return acknowledged;
    }

    private int Acknowledged(AcknowledgedLoad load) => File.Exists(ConsoleFile) ? load.Acknowledged(File.ReadAllText(ConsoleFile)) : 0;

    private Task<CommandResult> RunAsync(string script, CancellationToken cancellationToken = default) =>
        new CommandRunner().RunAsync(ExternalCommand.Of("flock", $"{_folder}/lock", "sh", "-c", script), cancellationToken);

    /// <summary>Sees that the check fails, where something is damaged only with that.</summary>
    private async Task FindLostAsync(AcknowledgedLoad load, int acknowledged, Action? damage = null)
    {
        var whole = Directory.GetFiles(_folder).ToDictionary(f => f, File.ReadAllBytes);
        damage?.Invoke();
        await Assert.ThrowsAsync<ExternalCommandException>(() => RunAsync(load.Check(_folder, acknowledged)));
        foreach (var (file, content) in whole) await File.WriteAllBytesAsync(file, content);
        if (damage is not null) await RunAsync(load.Check(_folder, acknowledged));
    }

    private static int SlotOf(byte[] record) => int.Parse(Encoding.ASCII.GetString(record, 33, 8), CultureInfo.InvariantCulture);

    private static byte[] Page(byte[] record) => [.. Enumerable.Repeat(record, PageSize / RecordSize).SelectMany(r => r)];

    private static byte[] Get(string path, long offset, int count)
    {
        using var file = File.OpenRead(path);
        file.Position = offset;
        var bytes = new byte[count];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static void Put(string path, long offset, byte[] bytes)
    {
        using var file = File.OpenWrite(path);
        file.Position = offset;
        file.Write(bytes);
    }

    private static void Cut(string path, long length)
    {
        using var file = File.OpenWrite(path);
        file.SetLength(length);
    }
}

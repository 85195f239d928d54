using System.Globalization;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;

namespace VirtuaLinux.Storage.Tests;

/// <summary>
/// The partitions of a simulated LUN, with what several machines write to them: each write happens by itself when the seed lets it, and of whom the SAN takes it.
/// LVM itself decides what it writes and in which order: it commits on a copy, and strace(1) shows its writes.
/// </summary>
internal sealed partial class SimulatedLun(SimulatedSan san) : IAsyncDisposable
{
    private const int Sector = 512;

    // Label and metadata header, and more text than a test commits.
    private const int MetadataLength = 4 << 20;

    private readonly CommandRunner _runner = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("virtualinux-lun-").FullName;
    private readonly Dictionary<int, (LunWrite Write, Action? Taken)> _pending = [];
    private readonly Dictionary<int, int> _asked = [];
    private string _copy = "";
    private string? _backup;

    /// <summary>The partition of the volume group.</summary>
    public string Group { get; private set; } = "";

    /// <summary>The journal's partition.</summary>
    public string Journal => Path.Combine(_folder, "journal");

    private string JournalCopy => Path.Combine(_folder, "journal-copy");

    public async Task CreateAsync(long size)
    {
        foreach (var file in (string[])[Journal, JournalCopy]) Extend(file, SanLayout.LogOffset);
        Group = await AttachAsync("group", size);
        _copy = await AttachAsync("copy", size);
        await new LvmTools(_runner, Group).CreateAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var device in (string[])[Group, _copy])
            if (device.Length > 0) await _runner.RunAsync(ExternalCommand.Of("losetup", "-d", device));
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Runs LVM's programs as a machine does: what they read they read at one instant, and what they write comes after it.</summary>
    public ICommandRunner RunnerOf(int machine) => new Runner(this, machine);

    /// <summary>Runs LVM's programs on the LUN while no machine does anything.</summary>
    public ICommandRunner Directly => _runner;

    /// <summary>How many writes a machine has asked for.</summary>
    public int WritesOf(int machine) => _asked.GetValueOrDefault(machine);

    /// <summary>Whether a machine's write is on its way.</summary>
    public bool IsWriting(int machine) => _pending.ContainsKey(machine);

    /// <summary>Writes the site's state from one machine, as it lies in the slots afterwards.</summary>
    public async Task WriteStateAsync(int machine, SanState state)
    {
        var write = await san.Happen(machine, () =>
        {
            var before = File.ReadAllBytes(Journal);
            File.WriteAllBytes(JournalCopy, before);
            using (var copy = BlockDevice.Open(JournalCopy, writable: true)) state.Write(copy);
            var after = File.ReadAllBytes(JournalCopy);
            var first = before.AsSpan().CommonPrefixLength(after) / Sector * Sector;
            var last = after.Length;
            while (before.AsSpan(last - Sector, Sector).SequenceEqual(after.AsSpan(last - Sector, Sector))) last -= Sector;
            return new LunWrite(Journal, first, after[first..last]);
        });
        await WriteAsync(machine, write);
    }

    /// <summary>Writes from one machine. A reservation conflict is an I/O error.</summary>
    public async Task WriteAsync(int machine, LunWrite write, Action? taken = null)
    {
        _pending[machine] = (write, taken);
        _asked[machine] = WritesOf(machine) + 1;
        await san.Happen(machine, () =>
        {
            _pending.Remove(machine);
            RequireWritable(machine);
            taken?.Invoke();
            Put(write.Path, write.Offset, write.Bytes);
            return true;
        });
    }

    /// <summary>Sees that the SAN takes a write of a machine now.</summary>
    public void RequireWritable(int machine)
    {
        if (!san.TakesWriteOf(machine)) throw new FailureException("reservation conflict");
    }

    /// <summary>The machine goes off while a write is on its way: of its sectors, any may have arrived.</summary>
    public void Tear(int machine, Random random)
    {
        if (!_pending.Remove(machine, out var pending) || !san.TakesWriteOf(machine)) return;
        var (write, taken) = pending;
        for (var at = 0; at < write.Bytes.Length; at += Sector)
        {
            if (random.Next(2) == 0) continue;
            Put(write.Path, write.Offset + at, write.Bytes.AsSpan(at, Sector));
            taken?.Invoke();
        }
    }

    /// <summary>The machine is off, and what was on its way is lost.</summary>
    public void Forget(int machine) => _pending.Remove(machine);

    public byte[] Read(long offset, int length)
    {
        using var device = BlockDevice.Open(Group, writable: false);
        var bytes = new byte[length];
        device.Read(offset, bytes);
        return bytes;
    }

    private void Put(string path, long offset, ReadOnlySpan<byte> bytes)
    {
        if (path == Group && offset < MetadataLength) _backup = null;
        using var device = BlockDevice.Open(path, writable: true);
        device.Write(offset, bytes);
    }

    private async Task<string> AttachAsync(string name, long size)
    {
        var file = Path.Combine(_folder, name);
        Extend(file, size);
        return (await _runner.RunAsync(ExternalCommand.Of("losetup", "--find", "--show", file))).Output.Trim();
    }

    private static void Extend(string path, long size)
    {
        using var file = File.Create(path);
        file.SetLength(size);
    }

    private CommandResult Run(ExternalCommand command) => _runner.RunAsync(command).GetAwaiter().GetResult();

    /// <summary>Reads the metadata; LVM is not asked again as long as they are as they were.</summary>
    private CommandResult BackUp(ExternalCommand command)
    {
        var file = command.Arguments[command.Arguments.ToList().IndexOf("-f") + 1];
        if (_backup is { } known)
        {
            File.WriteAllText(file, known);
            return new CommandResult(0, "", "");
        }
        var result = Run(command);
        _backup = result.ExitCode == 0 ? File.ReadAllText(file) : null;
        return result;
    }

    /// <summary>Runs a program on the copy of the metadata as they are now.</summary>
    private (CommandResult Result, IReadOnlyList<LunWrite> Writes) RunOnCopy(ExternalCommand command)
    {
        var metadata = Read(0, MetadataLength);
        Put(_copy, 0, metadata);
        var trace = Path.Combine(_folder, "trace");
        var traced = ExternalCommand.Of("strace", ["-qq", "-e", "trace=io_submit", "-xx", "-s", $"{MetadataLength}", "-o", trace, command.Program, .. command.Arguments.Select(a => a.Replace(Group, _copy, StringComparison.Ordinal))]).Accepting(command.AcceptedExitCodes);
        foreach (var (name, value) in command.Environment) traced = traced.WithEnvironment(name, value);
        var result = Run(traced);
        List<LunWrite> writes = [];
        foreach (Match match in TracedWrite().Matches(File.ReadAllText(trace)))
        {
            var bytes = Convert.FromHexString(match.Groups["bytes"].Value.Replace("\\x", "", StringComparison.Ordinal));
            Assert.Equal(int.Parse(match.Groups["length"].Value, CultureInfo.InvariantCulture), bytes.Length);
            var write = new LunWrite(Group, long.Parse(match.Groups["offset"].Value, CultureInfo.InvariantCulture), bytes);
            bytes.CopyTo(metadata, write.Offset);
            writes.Add(write);
        }
        using var copy = BlockDevice.Open(_copy, writable: false);
        var after = new byte[MetadataLength];
        copy.Read(0, after);
        Assert.True(after.AsSpan().SequenceEqual(metadata), "strace(1) did not show all that LVM wrote");
        return (result, writes);
    }

    [GeneratedRegex(@"IOCB_CMD_PWRITE, aio_fildes=\d+, aio_buf=""(?<bytes>[^""]*)"", aio_nbytes=(?<length>\d+), aio_offset=(?<offset>\d+)")]
    private static partial Regex TracedWrite();

    private sealed class Runner(SimulatedLun lun, int machine) : ICommandRunner
    {
        public async Task<CommandResult> RunAsync(ExternalCommand command, CancellationToken cancellationToken)
        {
            if (command.Arguments.Contains("vgcfgbackup")) return await lun.San.Happen(machine, () => lun.BackUp(command));
            var (result, writes) = await lun.San.Happen(machine, () => lun.RunOnCopy(command));
            foreach (var write in writes) await lun.WriteAsync(machine, write);
            return result;
        }
    }

    private SimulatedSan San => san;
}

/// <summary>A write to a partition of a LUN.</summary>
internal sealed record LunWrite(string Path, long Offset, byte[] Bytes);

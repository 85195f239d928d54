using System.Text.Json;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>The lab's state file. Several commands may work on one lab at a time: every change is made under a lock and replaces the file as a whole.</summary>
internal sealed class LabStore(string directory)
{
    public string Directory => directory;

    private string StateFile => Path.Combine(directory, "state.json");

    public LabState? TryRead()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(StateFile), LabJson.Default.LabState);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new FailureException($"{StateFile}: not a lab's state: {e.Message}", e);
        }
    }

    public LabState Read() => TryRead() ?? throw new FailureException($"no lab in {directory}; start one with 'virtualinux lab up'");

    public async Task<LabState> UpdateAsync(Func<LabState, LabState> change, CancellationToken cancellationToken = default)
    {
        using var held = await LockFile.TakeAsync(Path.Combine(directory, "state.lock"), TimeSpan.FromSeconds(30), cancellationToken).ConfigureAwait(false);
        var state = change(Read());
        Write(state);
        return state;
    }

    public void Write(LabState state)
    {
        System.IO.Directory.CreateDirectory(directory);
        var next = StateFile + ".new";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(file, state, LabJson.Default.LabState);
            file.Flush(flushToDisk: true);
        }
        File.Move(next, StateFile, overwrite: true);
    }
}

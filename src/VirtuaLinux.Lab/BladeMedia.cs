using System.Text.Json.Nodes;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>Media: what a technician puts into a blade and takes out.</summary>
public sealed partial class Blade
{
    /// <summary>Puts a medium in, for the next power-on.</summary>
    public async Task InsertAsync(Medium medium, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(medium);
        if (IsOn) throw new FailureException($"{Name} is on: put media in while it is off");
        if (!File.Exists(medium.Path)) throw new FailureException($"{medium.Path} is not there");
        var index = State.Media.Count;
        System.IO.Directory.CreateDirectory(Directory);
        var file = BladeMachine.FileOf(medium, index, Directory);
        if (file != medium.Path) await _runner.RunAsync(ExternalCommand.Of("cp", "--sparse=always", "--reflink=auto", "--", medium.Path, file), cancellationToken).ConfigureAwait(false);
        await UpdateAsync(s => s with { Media = [.. s.Media, medium] }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes all media out, whether the machine is on or off.</summary>
    public async Task RemoveMediaAsync(CancellationToken cancellationToken = default)
    {
        if (IsOn)
            for (var i = 0; i < State.Media.Count; i++) await TakeOutAsync(i, cancellationToken).ConfigureAwait(false);
        await UpdateAsync(s => s with { Media = [] }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The file of the site volume's stick in this blade, with what the machine wrote on it; null when there is none.</summary>
    public string? SiteVolumeFile
    {
        get
        {
            var media = State.Media;
            for (var i = 0; i < media.Count; i++)
                if (media[i].Kind == MediumKind.SiteVolume) return BladeMachine.FileOf(media[i], i, Directory);
            return null;
        }
    }

    private async Task TakeOutAsync(int index, CancellationToken cancellationToken)
    {
        var device = BladeMachine.DeviceOf(index);
        if (State.Media[index].Kind == MediumKind.Cdrom)
        {
            await QmpAsync("eject", new JsonObject { ["id"] = device, ["force"] = true }, cancellationToken).ConfigureAwait(false);
            return;
        }
        try
        {
            await QmpAsync("device_del", new JsonObject { ["id"] = device }, cancellationToken).ConfigureAwait(false);
        }
        catch (FailureException e) when (e.Message.Contains("not found", StringComparison.Ordinal))
        {
            // Taken out before.
        }
    }
}

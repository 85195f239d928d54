namespace VirtuaLinux.Lab;

/// <summary>What differs between the kinds of SAN.</summary>
internal interface ISanTarget
{
    /// <summary>Starts the target and writes its process into the lab's state; it answers when this returns.</summary>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Ends it at once.</summary>
    Task StopAsync(CancellationToken cancellationToken);

    /// <summary>Makes a running target ask for the secret that the lab's state has now.</summary>
    Task ChangeSecretAsync(CancellationToken cancellationToken);
}

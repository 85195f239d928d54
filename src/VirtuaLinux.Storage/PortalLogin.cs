using System.Net.Sockets;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>The portals of a SAN, as every transport goes through them.</summary>
public static class PortalLogin
{
    private static readonly TimeSpan ReachDeadline = TimeSpan.FromMinutes(2);

    /// <summary>Logs in through the portals in their order; while none of them can be reached, again and again for two minutes. One is enough: nothing waits for the others.</summary>
    /// <param name="san">The SAN.</param>
    /// <param name="tryLogin">Why a portal that can be reached does not let this machine in; null if it does.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The portals that sessions go through, at least one.</returns>
    /// <exception cref="FailureException">None lets this machine in.</exception>
    internal static async Task<IReadOnlyList<SanPortal>> OpenAsync(SiteSan san, Func<SanPortal, Task<string?>> tryLogin, CancellationToken cancellationToken)
    {
        // After a blackout an array starts more slowly than a blade, and a switch port may learn for half a minute first.
        var deadline = DateTime.UtcNow + ReachDeadline;
        while (true)
        {
            var problems = new List<string>();
            var open = new List<SanPortal>();
            var reached = false;
            foreach (var portal in san.Portals)
            {
                var problem = await ReachAsync(portal, cancellationToken).ConfigureAwait(false);
                if (problem is null)
                {
                    reached = true;
                    problem = await tryLogin(portal).ConfigureAwait(false);
                }
                if (problem is null) open.Add(portal);
                else problems.Add($"{portal}: {problem}");
            }
            if (open.Count > 0) return open;
            if (reached) throw new FailureException($"no login to target {san.Target}: {string.Join("; ", problems)}; check san.target in the site file and the target's access list");
            if (DateTime.UtcNow > deadline) throw new FailureException($"the SAN cannot be reached: {string.Join("; ", problems)}; check the cable, the array, and san.portals in the site file");
            await Task.Delay(TimeSpan.FromSeconds(3), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Why the portal cannot be reached; null if it can.</summary>
    public static async Task<string?> ReachAsync(SanPortal portal, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(10));
        try
        {
            await socket.ConnectAsync(portal.Address.ToIPAddress(), portal.Port, timeout.Token).ConfigureAwait(false);
            return null;
        }
        catch (SocketException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "no answer in 10 s";
        }
    }
}

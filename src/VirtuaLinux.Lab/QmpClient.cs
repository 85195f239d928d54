using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>One short conversation with a machine over the QEMU Machine Protocol (QEMU's docs/interop/qmp-spec). A monitor serves one client at a time, so nobody stays connected.</summary>
public sealed class QmpClient : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);
    private readonly Socket _socket;
    private readonly StreamReader _reader;

    private QmpClient(Socket socket)
    {
        _socket = socket;
        _reader = new StreamReader(new NetworkStream(socket));
    }

    /// <summary>Connects to the monitor's socket.</summary>
    /// <exception cref="FailureException">The machine is off, or does not answer.</exception>
    public static async Task<QmpClient> ConnectAsync(string path, CancellationToken cancellationToken = default)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        QmpClient? client = null;
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            client = new QmpClient(socket);
            (await client.ReadAsync(cancellationToken).ConfigureAwait(false)).Dispose(); // the greeting
            await client.ExecuteAsync("qmp_capabilities", null, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new FailureException($"no machine answers at {path}: {e.Message}", e);
        }
        catch
        {
            client?.Dispose();
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Runs one command and gives back what it returns.</summary>
    /// <exception cref="FailureException">The machine refuses it, or does not answer within 15 s.</exception>
    public async Task<JsonElement> ExecuteAsync(string command, JsonObject? arguments = null, CancellationToken cancellationToken = default)
    {
        var request = new JsonObject { ["execute"] = command };
        if (arguments is not null) request["arguments"] = arguments;
        await _socket.SendAsync(System.Text.Encoding.UTF8.GetBytes(request.ToJsonString() + "\n"), cancellationToken).ConfigureAwait(false);
        while (true)
        {
            using var answer = await ReadAsync(cancellationToken).ConfigureAwait(false);
            if (answer.RootElement.TryGetProperty("return", out var value)) return value.Clone();
            if (answer.RootElement.TryGetProperty("error", out var error)) throw new FailureException($"the machine refuses '{command}': {error.GetProperty("desc").GetString()}");
            // Anything else is an event.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _socket.Dispose();
    }

    private async Task<JsonDocument> ReadAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Deadline);
        try
        {
            var line = await _reader.ReadLineAsync(timeout.Token).ConfigureAwait(false) ?? throw new FailureException("the machine closed its monitor");
            return JsonDocument.Parse(line);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new FailureException($"the machine's monitor does not answer for {Deadline.TotalSeconds:0} s", e);
        }
        catch (IOException e)
        {
            throw new FailureException($"the machine's monitor went away: {e.Message}", e);
        }
    }
}

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Http;

/// <summary>Kestrel on given addresses, plain and with TLS.</summary>
public sealed class HttpServer : IAsyncDisposable
{
    private readonly WebApplication application;
    private readonly string where;

    /// <summary>Prepares the server; <see cref="StartAsync"/> binds it.</summary>
    /// <param name="addresses">Addresses to listen on; never the wildcard.</param>
    /// <param name="port">Port of plain HTTP.</param>
    /// <param name="securePort">Port of HTTPS.</param>
    /// <param name="certificate">Certificate with its key for HTTPS; null: no HTTPS.</param>
    /// <param name="handler">Answers requests.</param>
    public HttpServer(IEnumerable<Ipv4Address> addresses, int port, int securePort, X509Certificate2? certificate, BootHttpHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var list = addresses.ToList();
        where = string.Join(", ", list.Select(a => certificate is null ? $"{a}:{port}/tcp" : $"{a}:{port}/tcp and {a}:{securePort}/tcp"));
        // The empty builder reads no configuration: neither environment variables nor files change where this listens.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = handler.MaximumUpload;
            // One part is read while the one before it is sent; more would only be memory of slow clients.
            kestrel.Limits.MaxResponseBufferSize = 256 << 10;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            foreach (var address in list)
            {
                kestrel.Listen(address.ToIPAddress(), port, o => o.Protocols = HttpProtocols.Http1);
                if (certificate is null) continue;
                kestrel.Listen(address.ToIPAddress(), securePort, o =>
                {
                    o.Protocols = HttpProtocols.Http1;
                    o.UseHttps(certificate);
                });
            }
        });
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = BindListener);
        application = builder.Build();
        application.Run(handler.HandleAsync);
    }

    /// <summary>Connections of a machine that lost its power end within this time (tcp(7), TCP_USER_TIMEOUT).</summary>
    /// <remarks>GRUB counts its ports and sequence numbers from the same start at each boot, and cannot open a connection that the server still holds open.</remarks>
    private static Socket BindListener(EndPoint endpoint)
    {
        const int tcp = 6;
        const int userTimeout = 18;
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        socket.SetRawSocketOption(tcp, userTimeout, BitConverter.GetBytes(20_000));
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 2);
        return socket;
    }

    /// <summary>Binds the sockets.</summary>
    /// <exception cref="FailureException">A socket cannot be bound.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await application.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new FailureException($"{where} cannot be bound: {e.Message}; stop the program that uses it (ss -ltnp shows it) or choose another port", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await application.StopAsync(patience.Token).ConfigureAwait(false);
        await application.DisposeAsync().ConfigureAwait(false);
    }
}

using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.Storage;

/// <summary>Asks a portal of an iSCSI target whether it lets a CHAP user in (RFC 7143, sections 11.12 and 12.1).</summary>
/// <remarks>
/// A login is begun under a session identifier that nobody else has, and the connection ends as soon as the target has judged the answer: there is never a
/// session, so those that the machine has are not touched. A discovery would tell nothing, since most arrays answer one without a secret.
/// </remarks>
public sealed class ChapTrial : IDisposable
{
    private const int HeaderSize = 48, LongestAnswer = 64 << 10;

    // The stages of a login, and the bit that asks for the next one.
    private const byte SecurityStage = 0, OperationalStage = 1, Transit = 0x80;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TcpClient _connection = new();
    private readonly byte[] _session = [0x80, .. RandomNumberGenerator.GetBytes(5)];
    private uint _expected;

    private ChapTrial()
    {
    }

    /// <summary>Tries a user and a secret.</summary>
    /// <param name="portal">The portal.</param>
    /// <param name="san">The SAN, with the user to try; without CHAP, whether it lets somebody in who has none.</param>
    /// <param name="initiator">This machine's name.</param>
    /// <param name="secret">The secret, or null without CHAP.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Why it could not be tried there; null if the target accepts the two.</returns>
    /// <exception cref="FailureException">The target refuses them.</exception>
    public static async Task<string?> RunAsync(SanPortal portal, SiteSan san, string initiator, string? secret, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(san);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Patience);
        using var trial = new ChapTrial();
        try
        {
            await trial._connection.ConnectAsync(portal.Address.ToIPAddress(), portal.Port, timeout.Token).ConfigureAwait(false);
            return await trial.LoginAsync(portal, san, initiator, secret, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return $"{portal}: {e.Message}";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{portal}: no answer in {Patience.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connection.Dispose();

    private async Task<string?> LoginAsync(SanPortal portal, SiteSan san, string initiator, string? secret, CancellationToken cancellationToken)
    {
        string[] names = [$"InitiatorName={initiator}", $"TargetName={san.Target}", "SessionType=Normal"];
        if (san.Chap is not { } chap) return Judge(await AskAsync(Transit, [.. names, "AuthMethod=None"], cancellationToken).ConfigureAwait(false), "a node without a CHAP user");

        // What a node offers too (open-iscsi, usr/auth.c): a target that asks nobody for a secret says None.
        var (status, method) = await AskAsync(0, [.. names, "AuthMethod=CHAP,None"], cancellationToken).ConfigureAwait(false);
        if (status != 0) return Judge((status, method), $"user '{chap.User}'");
        if (method.GetValueOrDefault("AuthMethod") is var chosen && chosen != "CHAP") return $"{portal}: the target asks nobody for a secret (AuthMethod={chosen})";
        // 5 is MD5, which every target has to know.
        var (_, challenge) = await AskAsync(0, ["CHAP_A=5"], cancellationToken).ConfigureAwait(false);
        if (!byte.TryParse(challenge.GetValueOrDefault("CHAP_I"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || Bytes(challenge.GetValueOrDefault("CHAP_C")) is not { } bytes)
            return $"{portal}: the target sent no challenge";
#pragma warning disable CA5351 // It is the protocol's: RFC 1994, section 4.1.
        var answer = MD5.HashData([number, .. Encoding.UTF8.GetBytes(secret!), .. bytes]);
#pragma warning restore CA5351
        return Judge(await AskAsync(Transit, [$"CHAP_N={chap.User}", $"CHAP_R=0x{Convert.ToHexStringLower(answer)}"], cancellationToken).ConfigureAwait(false), $"user '{chap.User}' with the new secret");

        string? Judge((int Status, IReadOnlyDictionary<string, string> Keys) seen, string who) => seen.Status switch
        {
            0 => null,
            // Initiator error: authentication, authorization (RFC 7143, section 11.13.5).
            0x0201 or 0x0202 => throw new FailureException($"the SAN at {portal} refuses {who}; nothing was changed: correct san.chap in the site file, or let the array know them first"),
            _ => $"{portal}: the target answers with login status {seen.Status:x4}",
        };
    }

    /// <summary>One request of the login, and its answer.</summary>
    private async Task<(int Status, IReadOnlyDictionary<string, string> Keys)> AskAsync(byte flags, IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        var data = Encoding.UTF8.GetBytes(string.Concat(keys.Select(k => k + '\0')));
        var request = new byte[HeaderSize + Padded(data.Length)];
        request[0] = 0x43; // login request, immediate
        request[1] = (byte)(flags | SecurityStage << 2 | (flags == Transit ? OperationalStage : SecurityStage));
        WriteLength(request, data.Length);
        _session.CopyTo(request, 8);
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(28), _expected);
        data.CopyTo(request, HeaderSize);
        var stream = _connection.GetStream();
        await stream.WriteAsync(request, cancellationToken).ConfigureAwait(false);

        var header = new byte[HeaderSize];
        await stream.ReadExactlyAsync(header, cancellationToken).ConfigureAwait(false);
        var length = header[5] << 16 | header[6] << 8 | header[7];
        if ((header[0] & 0x3f) != 0x23 || header[4] != 0 || length > LongestAnswer) throw new IOException("it does not answer as an iSCSI target");
        var answer = new byte[Padded(length)];
        await stream.ReadExactlyAsync(answer, cancellationToken).ConfigureAwait(false);
        _expected = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(24)) + 1;
        var said = new Dictionary<string, string>();
        foreach (var pair in Encoding.UTF8.GetString(answer.AsSpan(0, length)).Split('\0'))
            if (pair.IndexOf('=', StringComparison.Ordinal) is > 0 and var at) said.TryAdd(pair[..at], pair[(at + 1)..]);
        return (BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(36)), said);
    }

    private static void WriteLength(byte[] header, int length) => (header[5], header[6], header[7]) = ((byte)(length >> 16), (byte)(length >> 8), (byte)length);

    private static int Padded(int length) => (length + 3) & ~3;

    /// <summary>A binary value in either of its two forms (RFC 7143, section 6.1); null for any other text.</summary>
    private static byte[]? Bytes(string? text)
    {
        try
        {
            return text switch
            {
                ['0', 'x' or 'X', .. var hex] => Convert.FromHexString(hex.Length % 2 == 0 ? hex : '0' + hex),
                ['0', 'b' or 'B', .. var base64] => Convert.FromBase64String(base64),
                _ => null,
            };
        }
        catch (FormatException)
        {
            return null;
        }
    }
}

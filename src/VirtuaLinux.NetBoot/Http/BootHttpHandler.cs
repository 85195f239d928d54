using System.Globalization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using VirtuaLinux.Host;
using VirtuaLinux.Model;

namespace VirtuaLinux.NetBoot.Http;

/// <summary>Answers HTTP requests: GET and HEAD of what <see cref="BootContent"/> has, POST of uploads.</summary>
/// <remarks>No redirects: a 301 kills UEFI HTTP boot. No empty header and always a length: EDK2 wants both.</remarks>
public sealed class BootHttpHandler(BootHttpOptions options)
{
    private static readonly byte[] ErrorBody = "not here\n"u8.ToArray();
    private const int ChunkLength = 128 << 10;
    private readonly BootContent content = options.Content;
    private readonly Dictionary<string, BootUpload> uploads = options.Uploads.ToDictionary(u => u.Path, StringComparer.Ordinal);

    /// <summary>Largest body of any upload, in bytes.</summary>
    public long MaximumUpload => uploads.Values.Select(u => u.MaximumLength).DefaultIfEmpty(0).Max();

    /// <summary>Answers one request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var client = Ipv4Address.From(context.Connection.RemoteIpAddress!);
        var server = Ipv4Address.From(context.Connection.LocalIpAddress!);
        long bytes = 0;
        options.Metrics.HttpInFlight.Add();
        try
        {
            if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)) bytes = await SendAsync(context, client, server).ConfigureAwait(false);
            else if (HttpMethods.IsPost(context.Request.Method)) await ReceiveAsync(context, client).ConfigureAwait(false);
            else await EndAsync(context, StatusCodes.Status405MethodNotAllowed).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or ConnectionResetException)
        {
            options.Log($"http aborted path=\"{Printable(context)}\" client={client}");
            return;
        }
        finally
        {
            options.Metrics.HttpInFlight.Add(-1);
            options.Metrics.HttpBytes.Add(bytes);
            options.Metrics.Http(context.Response.StatusCode).Add();
        }
        if (HttpMethods.IsGet(context.Request.Method) && context.Response is { StatusCode: StatusCodes.Status200OK, ContentLength: { } length } && bytes == length) options.OnSent(client, context.Request.Path.Value ?? "");
        if (content.IsQuiet(context.Request.Path.Value ?? "")) return;
        options.Log(string.Create(CultureInfo.InvariantCulture, $"http {(context.Request.Method)} path=\"{Printable(context)}\" client={client} status={context.Response.StatusCode} bytes={bytes}"));
    }

    private async Task<long> SendAsync(HttpContext context, Ipv4Address client, Ipv4Address server)
    {
        var (request, response) = (context.Request, context.Response);
        if (request.IsHttps && HttpMethods.IsGet(request.Method) && options.Downloads.FirstOrDefault(d => d.Path == request.Path.Value) is { } download && download.Allows(new ClientEndpoint(client, context.Connection.RemotePort)))
        {
            await StreamAsync(context, download).ConfigureAwait(false);
            return 0;
        }
        using var file = content.TryOpen(request.Path.Value ?? "", new ClientEndpoint(client, context.Connection.RemotePort), server, request.IsHttps, out var contentType);
        if (file is null)
        {
            await EndAsync(context, StatusCodes.Status404NotFound).ConfigureAwait(false);
            return 0;
        }
        if (file.Tag is { } tag)
        {
            response.Headers.ETag = $"\"{tag}\"";
            response.Headers.AcceptRanges = "bytes";
            if (request.Headers.IfNoneMatch.ToString() is { Length: > 0 } known && (known == "*" || known.Contains($"\"{tag}\"", StringComparison.Ordinal)))
            {
                response.StatusCode = StatusCodes.Status304NotModified;
                return 0;
            }
        }
        var range = new ByteRange(0, file.Length);
        if (file.Tag is not null && request.Headers.Range.ToString() is { Length: > 0 } header && IsSameFile(request, file.Tag))
        {
            var found = ByteRange.TryParse(header, file.Length, out range);
            if (found == false)
            {
                response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{file.Length}");
                await EndAsync(context, StatusCodes.Status416RangeNotSatisfiable).ConfigureAwait(false);
                return 0;
            }
            if (found == true)
            {
                response.StatusCode = StatusCodes.Status206PartialContent;
                response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {range.Offset}-{range.Offset + range.Length - 1}/{file.Length}");
            }
        }
        response.ContentType = contentType;
        response.ContentLength = range.Length;
        return HttpMethods.IsHead(request.Method) ? 0 : await CopyAsync(context, file, range, client).ConfigureAwait(false);
    }

    private async Task StreamAsync(HttpContext context, BootDownload download)
    {
        context.Response.ContentType = "application/octet-stream";
        try
        {
            // The client is told at once that it has its answer: what is made for it may be a long time in coming.
            await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            await download.WriteAsync(context.Response.Body, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is FailureException or IOException && !context.RequestAborted.IsCancellationRequested)
        {
            options.Log($"http {download.Path} was broken off: {e.Message}");
            context.Abort();
        }
    }

    private static bool IsSameFile(HttpRequest request, string tag) => request.Headers.IfRange.ToString() is var condition && (condition.Length == 0 || condition == $"\"{tag}\"");

    private async Task<long> CopyAsync(HttpContext context, BootFile file, ByteRange range, Ipv4Address client)
    {
        long sent = 0;
        var body = context.Response.BodyWriter;
        while (sent < range.Length)
        {
            var memory = body.GetMemory((int)Math.Min(ChunkLength, range.Length - sent));
            var wanted = (int)Math.Min(memory.Length, range.Length - sent);
            var count = file.Read(range.Offset + sent, memory.Span[..wanted]);
            // A file that became shorter: the promised length cannot be kept, and the client must see that.
            if (count == 0)
            {
                context.Abort();
                break;
            }
            body.Advance(count);
            sent += count;
            options.Served.Add(client, count);
            if ((await body.FlushAsync(context.RequestAborted).ConfigureAwait(false)).IsCompleted) break;
        }
        return sent;
    }

    private async Task ReceiveAsync(HttpContext context, Ipv4Address client)
    {
        if (!uploads.TryGetValue(context.Request.Path.Value ?? "", out var upload))
        {
            await EndAsync(context, StatusCodes.Status404NotFound).ConfigureAwait(false);
            return;
        }
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = upload.MaximumLength;
        using var body = new MemoryStream();
        try
        {
            await context.Request.Body.CopyToAsync(body, context.RequestAborted).ConfigureAwait(false);
        }
        catch (BadHttpRequestException e)
        {
            await EndAsync(context, e.StatusCode).ConfigureAwait(false);
            return;
        }
        await EndAsync(context, upload.Receive(client, body.GetBuffer().AsMemory(0, (int)body.Length)) ? StatusCodes.Status204NoContent : StatusCodes.Status400BadRequest).ConfigureAwait(false);
    }

    /// <summary>Ends with a status alone.</summary>
    private static async Task EndAsync(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        if (status == StatusCodes.Status204NoContent) return;
        // GRUB takes a 404 for a file of unknown length, never sees the end of the connection, and retries its reads for minutes
        // (grub-core/net/http.c, parse_line). Only a reset makes it go on to the next server at once.
        if (context.Request.Headers.UserAgent.ToString().StartsWith("GRUB", StringComparison.Ordinal))
        {
            context.Abort();
            return;
        }
        // An error needs a body: EDK2 waits for one for ever, and with it shim, which asks for files that need not exist.
        context.Response.ContentType = "text/plain";
        context.Response.ContentLength = ErrorBody.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(ErrorBody, context.RequestAborted).ConfigureAwait(false);
    }

    private static string Printable(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        return string.Concat(path.Take(128).Select(c => char.IsControl(c) || c == '"' ? '?' : c));
    }
}

using System.Net.Http.Headers;
using System.Text.Json;

namespace VirtuaLinux.Node.Initrd;

/// <summary>A machine that is not in the site: it says what it is, again and again. When nobody listens any more, the installation is over or began anew with a changed site file: it boots again.</summary>
public sealed class HoldingClient(Action<string> log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private const int MaximumFailures = 6;

    /// <summary>Reports until no server has answered for a minute.</summary>
    public async Task RunAsync(BootParameters parameters, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var report = MachineReport.OfThisMachine(parameters.Mac!.Value);
        log($"this machine is not in the site. Copy it into the site file: {{ name: nodeNN, mac: \"{report.Mac}\", ip: … }}");
        log($"{report.Product} {report.SerialNumber}, {report.Cpus} × {report.Cpu}, {report.Memory.ToRoundedString()}");
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(10) };
        var body = JsonSerializer.SerializeToUtf8Bytes(report, NodeJson.Default.MachineReport);
        for (var failures = 0; failures < MaximumFailures;)
        {
            var heard = false;
            foreach (var server in parameters.Servers) heard |= await ReportAsync(client, server, body, cancellationToken).ConfigureAwait(false);
            failures = heard ? 0 : failures + 1;
            await Task.Delay(Interval, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> ReportAsync(HttpClient client, string server, byte[] body, CancellationToken cancellationToken)
    {
        try
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var answer = await client.PostAsync(new Uri($"http://{server}/report"), content, cancellationToken).ConfigureAwait(false);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            log($"{server}: {e.Message}");
            return false;
        }
    }
}

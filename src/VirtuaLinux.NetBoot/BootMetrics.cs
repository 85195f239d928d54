using System.Globalization;
using System.Text;
using VirtuaLinux.NetBoot.Dhcp;

namespace VirtuaLinux.NetBoot;

/// <summary>What the boot services count, for Prometheus (text exposition format 0.0.4). Thread-safe.</summary>
public sealed class BootMetrics
{
    private static readonly double[] s_bounds = [0.5, 1, 2, 5, 10, 20, 40, 80, 160];

    private readonly Counter[] _dhcp = [.. Enum.GetValues<DhcpEventKind>().Select(_ => new Counter())];
    private readonly Counter[] _requests = [.. Enum.GetValues<DhcpMessageType>().Select(_ => new Counter())];
    private readonly Counter[] _http = [.. Enumerable.Range(0, 6).Select(_ => new Counter())];
    private readonly Dictionary<BootStage, (Counter[] Buckets, Counter Count, Counter Milliseconds)> _stages =
        Enum.GetValues<BootStage>().ToDictionary(s => s, _ => (s_bounds.Select(_ => new Counter()).ToArray(), new Counter(), new Counter()));

    /// <summary>Downloads over TFTP that began.</summary>
    public Counter TftpStarted { get; } = new();

    /// <summary>Downloads over TFTP that the client has whole.</summary>
    public Counter TftpSent { get; } = new();

    /// <summary>Downloads over TFTP that ended before.</summary>
    public Counter TftpEnded { get; } = new();

    /// <summary>Requests over TFTP for what is not there.</summary>
    public Counter TftpMissing { get; } = new();

    /// <summary>Packets from addresses outside the site's networks.</summary>
    public Counter TftpForeign { get; } = new();

    /// <summary>Windows that were sent again over TFTP.</summary>
    public Counter TftpRepeated { get; } = new();

    /// <summary>Bytes of content over TFTP.</summary>
    public Counter TftpBytes { get; } = new();

    /// <summary>Bytes of content over HTTP.</summary>
    public Counter HttpBytes { get; } = new();

    /// <summary>HTTP requests under way.</summary>
    public Counter HttpInFlight { get; } = new();

    /// <summary>Lines that the log could not take in time.</summary>
    public Counter LogDropped { get; } = new();

    /// <summary>Datagrams by what was made of them.</summary>
    public Counter Dhcp(DhcpEventKind kind) => _dhcp[(int)kind];

    /// <summary>DHCP messages of clients by type.</summary>
    public Counter DhcpRequests(DhcpMessageType type) => _requests[(int)type];

    /// <summary>HTTP requests by class of their status, 1 to 5.</summary>
    public Counter Http(int status) => _http[Math.Clamp(status / 100, 0, 5)];

    /// <summary>Notes how long a machine was at a stage of its boot before it came to the next one.</summary>
    public void Stage(BootStage stage, TimeSpan time)
    {
        var (buckets, count, milliseconds) = _stages[stage];
        for (var i = 0; i < s_bounds.Length; i++)
            if (time.TotalSeconds <= s_bounds[i]) buckets[i].Add();
        count.Add();
        milliseconds.Add((long)time.TotalMilliseconds);
    }

    /// <summary>The text that <c>/metrics</c> gives.</summary>
    /// <param name="tftpInFlight">Downloads over TFTP that are under way.</param>
    public string Render(int tftpInFlight)
    {
        var text = new StringBuilder();
        Head(text, "dhcp_datagrams_total", "counter", "DHCP datagrams by what was made of them.");
        foreach (var kind in Enum.GetValues<DhcpEventKind>()) Line(text, "dhcp_datagrams_total", $"outcome=\"{Label(kind.ToString())}\"", Dhcp(kind).Value);
        Head(text, "dhcp_requests_total", "counter", "DHCP messages of clients by type.");
        foreach (var type in Enum.GetValues<DhcpMessageType>().Where(t => t != DhcpMessageType.None)) Line(text, "dhcp_requests_total", $"type=\"{Label(type.ToString())}\"", DhcpRequests(type).Value);
        Head(text, "tftp_transfers_total", "counter", "TFTP downloads by their end.");
        foreach (var (outcome, counter) in new[] { ("sent", TftpSent), ("ended", TftpEnded), ("missing", TftpMissing), ("foreign", TftpForeign) }) Line(text, "tftp_transfers_total", $"outcome=\"{outcome}\"", counter.Value);
        Single(text, "tftp_started_total", "counter", "TFTP downloads that began.", TftpStarted.Value);
        Single(text, "tftp_in_flight", "gauge", "TFTP downloads under way.", tftpInFlight);
        Single(text, "tftp_bytes_total", "counter", "Bytes of content over TFTP.", TftpBytes.Value);
        Single(text, "tftp_repeated_total", "counter", "TFTP windows that were sent again.", TftpRepeated.Value);
        Head(text, "http_requests_total", "counter", "HTTP requests by class of their status.");
        for (var i = 1; i <= 5; i++) Line(text, "http_requests_total", $"code=\"{i}xx\"", _http[i].Value);
        Single(text, "http_in_flight", "gauge", "HTTP requests under way.", HttpInFlight.Value);
        Single(text, "http_bytes_total", "counter", "Bytes of content over HTTP.", HttpBytes.Value);
        Single(text, "log_dropped_total", "counter", "Log lines that were dropped because the log was slower than the boot.", LogDropped.Value);
        Head(text, "boot_stage_seconds", "histogram", "Time that machines spent at a stage of their boot.");
        foreach (var (stage, (buckets, count, milliseconds)) in _stages)
        {
            var label = $"stage=\"{Label(stage.ToString())}\"";
            for (var i = 0; i < s_bounds.Length; i++) Line(text, "boot_stage_seconds_bucket", string.Create(CultureInfo.InvariantCulture, $"{label},le=\"{s_bounds[i]}\""), buckets[i].Value);
            Line(text, "boot_stage_seconds_bucket", $"{label},le=\"+Inf\"", count.Value);
            Line(text, "boot_stage_seconds_sum", label, milliseconds.Value / 1000.0);
            Line(text, "boot_stage_seconds_count", label, count.Value);
        }
        return text.ToString();
    }

    private static string Label(string name) => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(name);

    private static void Single(StringBuilder text, string name, string type, string help, double value)
    {
        Head(text, name, type, help);
        Line(text, name, "", value);
    }

    private static void Head(StringBuilder text, string name, string type, string help) => text.Append(CultureInfo.InvariantCulture, $"# HELP virtualinux_{name} {help}\n# TYPE virtualinux_{name} {type}\n");

    private static void Line(StringBuilder text, string name, string labels, double value) =>
        text.Append(CultureInfo.InvariantCulture, $"virtualinux_{name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {value}\n");
}

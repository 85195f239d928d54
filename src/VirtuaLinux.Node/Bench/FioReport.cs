using System.Text.Json;
using VirtuaLinux.Host;

namespace VirtuaLinux.Node.Bench;

/// <summary>What <c>fio --output-format=json</c> prints (fio(1)).</summary>
public static class FioReport
{
    /// <summary>Speed of each job in bytes a second, in the jobs' order; what it read and wrote together.</summary>
    /// <exception cref="FailureException">No report, or a job with an error.</exception>
    public static IReadOnlyList<(string Job, double Speed)> Parse(string output)
    {
        ArgumentNullException.ThrowIfNull(output);
        // Warnings come before the document, on standard output too.
        var start = output.IndexOf('{', StringComparison.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(start < 0 ? "" : output[start..]);
            List<(string, double)> jobs = [];
            foreach (var job in document.RootElement.GetProperty("jobs").EnumerateArray())
            {
                var name = job.GetProperty("jobname").GetString() ?? "";
                if (job.GetProperty("error").GetInt32() is not 0 and var error) throw new FailureException($"fio: job {name} ended with error {error}");
                jobs.Add((name, Speed(job, "read") + Speed(job, "write")));
            }
            return jobs;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new FailureException($"fio's report cannot be read: {e.Message}; its output starts with: {output[..Math.Min(200, output.Length)]}", e);
        }
    }

    private static double Speed(JsonElement job, string direction) => job.GetProperty(direction).GetProperty("bw_bytes").GetDouble();
}

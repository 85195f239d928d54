using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace VirtuaLinux.Host;

/// <summary>Deletes a folder in which a program may have left file systems mounted, such as a root that mmdebstrap(1) was killed in.</summary>
public static partial class DirectoryTree
{
    /// <summary>Unmounts everything below a folder and deletes it; what was mounted there is not touched.</summary>
    /// <exception cref="FailureException">Something below it cannot be unmounted; then nothing is deleted.</exception>
    public static void Delete(string path)
    {
        var folder = Path.GetFullPath(path);
        // A deletion that walked into a mounted /dev or a bound folder would delete the machine's own files.
        foreach (var mount in Below(folder, File.ReadAllLines("/proc/self/mountinfo")))
            if (NativeMethods.Unmount(mount, 0) != 0)
                throw new FailureException($"{mount} is mounted and cannot be unmounted ({Marshal.GetLastPInvokeErrorMessage()}); unmount it and start again, or what is mounted there would be deleted");
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>The mount points at or below a folder, the last mounted first, from the lines of <c>/proc/self/mountinfo</c> (proc(5)).</summary>
    internal static IReadOnlyList<string> Below(string folder, IEnumerable<string> mountinfo) =>
        [.. mountinfo.Select(l => Unescape(l.Split(' ')[4])).Where(m => m == folder || m.StartsWith(folder + "/", StringComparison.Ordinal)).Reverse()];

    private static string Unescape(string field) => Octal().Replace(field, m => ((char)Convert.ToInt32(m.Groups[1].Value, 8)).ToString(CultureInfo.InvariantCulture));

    [GeneratedRegex(@"\\([0-7]{3})")]
    private static partial Regex Octal();
}

// The build as a list of tasks; ./build.sh installs what they need and runs one of them.
using System.Diagnostics;
using System.Security.Cryptography;
using System.Xml.Linq;

var target = Argument("target", "Default");
var nodes = Argument("nodes", 3);
var rounds = Argument("rounds", 3);
var fuzzSeconds = Argument("seconds", 60);

const string Configuration = "Release";
const string Solution = "VirtuaLinux.sln";
// One setting for both, so that publishing takes over what was compiled; with it the bytes do not depend on the folder.
string[] Quietly = ["-p:ContinuousIntegrationBuild=true", "-v", "quiet", "-nologo"];

const string Program = "artifacts/publish/virtualinux";

// What comes behind Cake's own summary, so that it is the last thing on the screen.
Func<int> closing = () => 0;

Task("Default")
    .Description("Publish, Image, then start the lab and bring the cluster up (--nodes=3)")
    .IsDependentOn("Lab");

Task("Build")
    .Description("Compile everything")
    .Does(() => Run("dotnet", ["build", Solution, "-c", Configuration, .. Quietly]));

Task("Publish")
    .Description($"Compile the program ahead of time into {Program}; skipped when nothing under src/ changed")
    .Does(() =>
    {
        const string stamp = "artifacts/publish.sha256";
        var inputs = InputsOfProgram();
        if (System.IO.File.Exists(Program) && System.IO.File.Exists(stamp) && System.IO.File.ReadAllText(stamp) == inputs)
        {
            Information("{0} is up to date", Program);
            return;
        }
        Run("dotnet", ["publish", "src/VirtuaLinux.Cli", "-c", Configuration, "-o", "artifacts/publish", "-p:CopyOutputSymbolsToPublishDirectory=false", "-p:PublishDocumentationFiles=false", "-p:PublishReferencesDocumentationFiles=false", .. Quietly]);
        System.IO.File.WriteAllText(stamp, inputs);
    });

Task("Image")
    .Description("Build the installer ISO of Debian 13 into artifacts/images")
    .IsDependentOn("Publish")
    .Does(() => Run(Program, ["build", "debian-13", "--output", "artifacts/images"]));

Task("Lab")
    .Description("Start the lab and bring the cluster up (--nodes=3); it runs until 'virtualinux lab down'")
    .IsDependentOn("Publish")
    .IsDependentOn("Image")
    .Does(() => closing = () => ExitCodeOf(Program, ["lab", "up", "--nodes", $"{nodes}"]));

Task("UnitTest")
    .Description("Run the tests that need neither machines nor namespaces")
    .IsDependentOn("Build")
    .Does(() => RunTests(TestProjects().Where(p => p is not ("EndToEnd" or "VirtuaLinux.Lab.Tests")), ["-trait-", "Category=Soak", "-trait-", "Category=Peers"]));

Task("Test")
    .Description("Run all tests, the end-to-end ones last")
    .IsDependentOn("Build")
    .IsDependentOn("Publish")
    .IsDependentOn("Image")
    .Does(() => RunTests(TestProjects(), ["-trait-", "Category=Soak"]));

Task("Soak")
    .Description("Run everything, long tests included, several times with new seeds (--rounds=3)")
    .IsDependentOn("Build")
    .IsDependentOn("Publish")
    .IsDependentOn("Image")
    .Does(() =>
    {
        for (var round = 1; round <= rounds; round++)
        {
            var seed = Argument("seed", RandomNumberGenerator.GetInt32(int.MaxValue));
            Information("round {0} of {1}: repeat it with --rounds=1 --seed={2}", round, rounds, seed);
            RunTests(TestProjects(), [], seed);
        }
    });

Task("Fuzz")
    .Description("Look for bytes that break a codec of the boot services (--seconds=60 for each); what breaks one is kept under artifacts/fuzz")
    .IsDependentOn("Build")
    .Does(() =>
    {
        const string project = "VirtuaLinux.NetBoot.Tests", folder = "artifacts/fuzz";
        if (System.IO.Directory.Exists(folder)) System.IO.Directory.Delete(folder, recursive: true);
        Run("cp", ["-r", $"tests/{project}/bin/{Configuration}/net10.0", folder]);
        Run("dotnet", ["sharpfuzz", $"{folder}/VirtuaLinux.NetBoot.dll"]);
        foreach (var corpus in System.IO.Directory.EnumerateDirectories($"tests/{project}/Corpus").Order())
        {
            var codec = System.IO.Path.GetFileName(corpus);
            // afl-fuzz(8): no instrumentation by a compiler, a machine's own settings stay as they are, and no screen.
            string[] settings = ["AFL_SKIP_BIN_CHECK=1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1", "AFL_SKIP_CPUFREQ=1", "AFL_NO_UI=1", "AFL_QUIET=1", "AFL_NO_AFFINITY=1", "AFL_BENCH_UNTIL_CRASH=1"];
            Run("env", [.. settings, "timeout", $"{fuzzSeconds + 60}", "afl-fuzz", "-i", corpus, "-o", $"{folder}/{codec}", "-t", "10000", "-m", "none", "-V", $"{fuzzSeconds}", "--", $"{folder}/{project}", "fuzz", codec]);
            var crashes = System.IO.Directory.EnumerateFiles($"{folder}/{codec}/default/crashes").Where(f => !f.EndsWith("README.txt")).ToList();
            if (crashes.Count > 0) throw new Exception($"{codec}: these bytes break it: {string.Join(", ", crashes)}; mend it, and keep them in {corpus}");
            Information("{0}: nothing found", codec);
        }
    });

Task("Bench")
    .Description("Measure everything; the results go to artifacts/bench")
    .IsDependentOn("BenchNetBoot")
    .IsDependentOn("BenchStorage");

Task("BenchNetBoot")
    .Description("Measure the boot services beside their peers")
    .IsDependentOn("Publish")
    .Does(() =>
    {
        // It cannot be installed beside tftpd-hpa, so it is unpacked only.
        const string peers = "artifacts/bench/peers";
        System.IO.Directory.CreateDirectory(peers);
        Run("sh", ["-c", $"cd {peers} && [ -e usr/sbin/atftpd ] || apt-get -q download atftpd && for p in atftpd_*.deb; do dpkg-deb -x $p .; done"]);
        Run("env", [$"VIRTUALINUX_PEERS={System.IO.Path.GetFullPath(peers)}", Program, "bench", "netboot"]);
    });

Task("BenchStorage")
    .Description("Measure the storage layer in an emulated blade beside the bare LUN and classic snapshots (--rounds=3)")
    .IsDependentOn("Publish")
    .IsDependentOn("Image")
    .Does(() => Run(Program, ["bench", "storage", "--rounds", $"{rounds}"]));

Task("Lint")
    .Description("Check formatting and code style; change nothing")
    .Does(() => Run("dotnet", ["format", Solution, "--verify-no-changes"]));

Task("Clean")
    .Description("End the lab and delete everything that was built")
    .Does(() =>
    {
        if (System.IO.File.Exists(Program)) ExitCodeOf(Program, ["lab", "down"]);
        foreach (var folder in new[] { "artifacts/publish", "artifacts/images", "artifacts/tests", "artifacts" }.Where(System.IO.Directory.Exists)) DeleteContents(folder);
        foreach (var project in System.IO.Directory.EnumerateFiles(".", "*.csproj", SearchOption.AllDirectories).ToList())
            foreach (var folder in new[] { "bin", "obj" }.Select(f => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(project)!, f)).Where(System.IO.Directory.Exists))
                System.IO.Directory.Delete(folder, recursive: true);
    });

int passed = 0, failed = 0, skipped = 0;
var named = new List<string>();
var tested = false;
var exitCode = 0;
try
{
    RunTarget(target);
    exitCode = closing();
}
catch (Exception e)
{
    Console.Error.WriteLine($"build: {e.GetBaseException().Message}");
    exitCode = 1;
    if (target is "UnitTest" or "Test" or "Soak")
    {
        // What kept tests from running is a failure among them: who reads only the last line must not miss it.
        tested = true;
        failed++;
    }
}
if (tested)
{
    Console.Error.Flush();
    foreach (var name in named) Console.WriteLine($"failed: {name}");
    Console.WriteLine($"{passed} passed, {failed} failed{(skipped > 0 ? $", {skipped} skipped" : "")}");
    if (failed > 0 || passed == 0) exitCode = 1;
}
// Cake itself would print more lines after an error.
Console.Out.Flush();
Environment.Exit(exitCode);

/// Runs a program in the terminal of the build.
int ExitCodeOf(string program, IEnumerable<string> arguments, TimeSpan? deadline = null, string seed = null)
{
    var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false };
    if (seed != null) start.Environment["VIRTUALINUX_SEED"] = seed;
    using var process = Process.Start(start);
    if (process.WaitForExit(deadline ?? TimeSpan.FromMilliseconds(-1))) return process.ExitCode;
    process.Kill(entireProcessTree: true);
    process.WaitForExit();
    Console.Error.WriteLine($"build: {program} was killed after {deadline.Value.TotalMinutes:0} minutes");
    return -1;
}

void Run(string program, IReadOnlyList<string> arguments)
{
    Information("{0} {1}", program, string.Join(' ', arguments));
    var code = ExitCodeOf(program, arguments);
    if (code != 0) throw new Exception($"{program} {arguments[0]} ended with exit code {code}");
}

/// Names of the test projects, the slow one last.
IEnumerable<string> TestProjects() => System.IO.Directory.EnumerateFiles("tests", "*.csproj", SearchOption.AllDirectories)
    .Select(System.IO.Path.GetFileNameWithoutExtension)
    .OrderBy(p => p == "EndToEnd").ThenBy(p => p, StringComparer.Ordinal)
    .ToList();

/// Runs the executables of test projects to their ends, whatever fails, and counts their results from the reports.
void RunTests(IEnumerable<string> projects, IReadOnlyList<string> filter, int? seed = null)
{
    tested = true;
    System.IO.Directory.CreateDirectory("artifacts/tests");
    foreach (var project in projects)
    {
        var report = System.IO.Path.GetFullPath($"artifacts/tests/{project}.xml");
        System.IO.File.Delete(report);
        var deadline = TimeSpan.FromMinutes(project != "EndToEnd" ? 15 : seed is null ? 60 : 180);
        string[] order = seed is { } s ? [$":{s}"] : [];
        Console.WriteLine($"── {project}");
        var code = ExitCodeOf($"tests/{project}/bin/{Configuration}/net10.0/{project}", [.. order, "-noLogo", "-noColor", "-noAutoReporters", "-result-xml", report, .. filter], deadline, seed?.ToString());
        var failedBefore = failed;
        if (System.IO.File.Exists(report))
        {
            foreach (var assembly in XDocument.Load(report).Descendants("assembly"))
            {
                passed += (int)assembly.Attribute("passed");
                failed += (int)assembly.Attribute("failed") + (int)assembly.Attribute("errors");
                skipped += (int)assembly.Attribute("skipped");
                named.AddRange(assembly.Descendants("test").Where(t => (string)t.Attribute("result") == "Fail").Select(t => (string)t.Attribute("name")));
            }
        }
        // A crash leaves no report, or one that knows nothing of it.
        else if (code == 0) Warning("{0} left no report", project);
        if (code != 0 && failed == failedBefore) failed++;
    }
}

/// Digest over everything that the published program is made from, and the tools that make it.
string InputsOfProgram()
{
    using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    var files = System.IO.Directory.EnumerateFiles("src", "*", SearchOption.AllDirectories)
        .Where(f => !f.Contains("/bin/") && !f.Contains("/obj/") && !f.EndsWith(".md"))
        .Concat(System.IO.Directory.EnumerateFiles(".", "Directory.*.props"))
        .Append(".editorconfig")
        .OrderBy(f => f, StringComparer.Ordinal);
    foreach (var file in files)
    {
        digest.AppendData(System.Text.Encoding.UTF8.GetBytes(file + "\n"));
        digest.AppendData(SHA256.HashData(System.IO.File.ReadAllBytes(file)));
    }
    digest.AppendData(System.Text.Encoding.UTF8.GetBytes(Environment.Version.ToString()));
    return Convert.ToHexStringLower(digest.GetHashAndReset());
}

/// Deletes what is in a folder; Cake's own cache stays, since this script runs from it.
void DeleteContents(string folder)
{
    foreach (var inner in System.IO.Directory.EnumerateDirectories(folder).Where(d => System.IO.Path.GetFileName(d) != "cake").ToList()) System.IO.Directory.Delete(inner, recursive: true);
    foreach (var file in System.IO.Directory.EnumerateFiles(folder).ToList()) System.IO.File.Delete(file);
}

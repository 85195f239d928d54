using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Host;
using VirtuaLinux.Images;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Model;

namespace VirtuaLinux.Cli.Commands;

internal static class BuildCommand
{
    public static Command Create()
    {
        var image = new Argument<string>("IMAGE") { Description = "name of images/NAME.yaml, such as debian-13" };
        var output = new Option<string>("--output") { Description = "folder for the installer ISO", DefaultValueFactory = _ => "artifacts/images" };
        var cache = new Option<string>("--cache") { Description = "folder for results of stages, kept between builds", DefaultValueFactory = _ => "artifacts/cache" };
        var mirror = new Option<string?>("--mirror") { Description = "package archive in place of the tool's default" };
        var refresh = new Option<bool>("--refresh") { Description = "fetch packages anew" };
        var locked = new Option<bool>("--locked") { Description = "refuse when other packages were installed than images/NAME.lock says" };
        var update = new Option<bool>("--update-lock") { Description = "write what was installed into images/NAME.lock" };
        var again = new Option<bool>("--verify-reproducible") { Description = "build a second time from nothing, in another folder, with another umask, locale and number of processors; 1 if a byte of the medium differs" };
        var json = new Option<bool>("--json") { Description = "print a line of JSON for each event, and one for what was built" };
        var command = new Command("build", "Build an installer ISO, and beside it its lock, bills of materials (SPDX, CycloneDX), provenance and digests.") { image, output, cache, mirror, refresh, locked, update, again, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(locked) && result.GetValue(update)) result.AddError("--locked holds the build to the lock and --update-lock changes it; give one of them");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            var options = new ImageBuildOptions
            {
                ImageName = parsed.GetValue(image)!,
                OutputDirectory = Path.GetFullPath(parsed.GetValue(output)!),
                CacheDirectory = Path.GetFullPath(parsed.GetValue(cache)!),
                ProgramPath = Environment.ProcessPath!,
                Mirror = parsed.GetValue(mirror),
                Refresh = parsed.GetValue(refresh),
                Locked = parsed.GetValue(locked),
                UpdateLock = parsed.GetValue(update),
                OnEvent = parsed.GetValue(json) ? TellAsJson : Tell,
            };
            var runner = new CommandRunner();
            var result = await new ImageBuilder(options, runner).BuildAsync(cancellation);
            if (parsed.GetValue(again) && await new Rebuild(options, runner).CompareAsync(result, Path.Combine(options.CacheDirectory, "rebuild"), Console.Error.WriteLine, cancellation) is { Count: > 0 } differences)
                throw new FailureException($"{result.IsoPath}: a second build gives another medium\n{string.Join('\n', differences)}");
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(new BuildReport(result.IsoPath, result.Info.Image, DigestList.DigestOf(result.IsoPath), parsed.GetValue(again) ? true : null), BuildJson.Default.BuildReport));
                return ExitCode.Done;
            }
            var table = new Table().AddColumns("stage", "time", "size", "from");
            foreach (var stage in result.Stages) table.AddRow(stage.Name, Seconds(stage.Elapsed), new ByteSize(stage.Size).ToRoundedString(), stage.Cached ? "cache" : "built");
            Terminal.Output.Write(table);
            Console.WriteLine(parsed.GetValue(again) ? $"{result.IsoPath}: the same byte for byte when it is built again" : result.IsoPath);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Tell(BuildEvent happened) =>
        Console.Error.WriteLine($"{happened.Stage,-12} {happened.Kind.ToString().ToLowerInvariant(),-8} {Seconds(happened.Elapsed),8} {(happened.Size > 0 ? new ByteSize(happened.Size).ToRoundedString() : ""),10}  {happened.Text}".TrimEnd());

    private static void TellAsJson(BuildEvent happened) => Console.WriteLine(JsonSerializer.Serialize(happened, BuildJson.Default.BuildEvent));

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");
}

using System.CommandLine;
using VirtuaLinux.Cluster;
using VirtuaLinux.Host;
using VirtuaLinux.Install;
using VirtuaLinux.Node;

namespace VirtuaLinux.Cli.Commands;

internal static class BackupCommand
{
    private static readonly Argument<string> FileArgument = new("file") { Description = "the backup; whoever can read it has the site's keys" };

    public static Command Create() => new("backup", "What the site cannot lose, in one file: manifest, keys, LVM metadata, and every node's local volume.") { Make(), Verify(), Restore() };

    private static Command Make()
    {
        var without = new Option<string[]>("--without") { Description = "a node whose local volume is left out" };
        var command = new Command("create", "Make a backup of the running site; run it on a node.") { FileArgument, without };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            var storage = NodeStorage.Open(runner);
            using var nodes = new SiteNodes();
            var running = (await nodes.ReadAsync(storage.Manifest, cancellation)).Where(n => n.Value is { State: "up", Role: "node" }).Select(n => n.Key).ToHashSet();
            var path = parsed.GetValue(FileArgument)!;
            await new SiteBackup(runner, storage, Console.Error.WriteLine).CreateAsync(path, running, parsed.GetValue(without) ?? [], cancellation);
            // What is on its disk counts, and not what was sent there.
            Show(await BackupFile.ReadAsync(path, cancellationToken: cancellation));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Verify()
    {
        var command = new Command("verify", "Check every byte of a backup against its digests and the site's signature, and show what is in it.") { FileArgument };
        command.SetAction(async (parsed, cancellation) =>
        {
            Show(await BackupFile.ReadAsync(parsed.GetValue(FileArgument)!, cancellationToken: cancellation));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Restore()
    {
        var command = new Command("restore", "Bring the site back onto an empty LUN, from the shell of the installer; the installation then goes on with origin and roots.") { FileArgument };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var console = new InstallConsole();
            await new Metamaster(new CommandRunner(console.Log), console).RestoreAsync(parsed.GetValue(FileArgument)!, cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Show(BackupContents backup)
    {
        foreach (var line in backup.Lines()) Console.WriteLine(line);
        Console.WriteLine("every digest and the signature are right");
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Initrd;
using VirtuaLinux.Lab;
using VirtuaLinux.Lab.Bench;
using VirtuaLinux.Model;
using VirtuaLinux.Node.Bench;
using VirtuaLinux.Storage.Bench;

namespace VirtuaLinux.Cli.Commands;

internal static class BenchStorageCommand
{
    private const string SecretFile = StorageBlade.Folder + "/chap.secret";

    // Packages of the loads.
    private static readonly (string Path, string Package)[] s_loads = [("/usr/bin/fio", "fio"), ("/usr/sbin/bonnie++", "bonnie++")];

    private static readonly string[] s_devices = ["raw", "plain", "root", "snapshot-4", "snapshot-16", "snapshot-64", "snapshot-128"];

    public static Command Create()
    {
        var output = new Option<string>("--output") { Description = "folder for NAME.json, NAME.svg and the lab", DefaultValueFactory = _ => "artifacts/bench" };
        var name = new Option<string>("--name") { Description = "name of the files", DefaultValueFactory = _ => "storage" };
        var rounds = new Option<int>("--rounds") { Description = "alternating rounds over all devices, whose medians count", DefaultValueFactory = _ => 3 };
        var devices = new Option<string[]>("--devices") { Description = "devices to measure: raw, plain, root, snapshot-CHUNK and thin-BLOCK in KiB, the last with -nozero, all with -raKIB for another read-ahead", DefaultValueFactory = _ => s_devices, AllowMultipleArgumentsPerToken = true };
        var iso = new Option<string?>("--iso") { Description = "installer ISO whose kernel the blade runs; the newest below artifacts/images unless given" };
        var san = new Option<string>("--san") { Description = "folder for the SAN's file of 7 GiB; in memory unless given, so that the host's disk is not what is measured", DefaultValueFactory = _ => "/dev/shm" };
        var cpus = new Option<int>("--cpus") { Description = "processors of the blade", DefaultValueFactory = _ => 2 };
        var deadline = new Option<int>("--deadline") { Description = "minutes that the blade may take", DefaultValueFactory = _ => 60 };
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        devices.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
                if (!StorageDevice.TryParse(token.Value, out _, out var reason)) result.AddError(reason);
        });
        foreach (var option in (Option<int>[])[rounds, cpus])
            option.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<int>() < 1) result.AddError($"{option.Name} must be at least 1");
            });
        var command = new Command("storage", "The devices of a node on the SAN beside the bare LUN and classic snapshots, in an emulated blade.") { output, name, rounds, devices, iso, san, cpus, deadline, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            foreach (var (path, package) in ((string, string)[])[.. s_loads, ("/usr/sbin/lvm", "lvm2")])
                if (!File.Exists(path)) throw new FailureException($"{path} is not there: apt-get install {package}");
            var medium = parsed.GetValue(iso) ?? LabCommand.NewestIso();
            var folder = Directory.CreateDirectory(parsed.GetValue(output)!).FullName;
            var lab = StorageBench.LabOf(Path.Combine(folder, "storage-lab"), parsed.GetValue(san)!, medium, parsed.GetValue(cpus));
            var archive = Path.Combine(Directory.CreateDirectory(lab.StateDirectory).FullName, "blade.cpio");
            WriteArchive(archive, lab, parsed.GetValue(rounds), parsed.GetValue(devices)!);
            var created = await CreateManyAsync(parsed.GetValue(san)!, parsed.GetValue(rounds), cancellation);
            var report = await new StorageBench(lab, medium, archive, new CommandRunner(), Console.Error.WriteLine).RunAsync(created, TimeSpan.FromMinutes(parsed.GetValue(deadline)), cancellation);
            await BenchCommand.FinishAsync(report, folder, parsed.GetValue(name)!, "Storage on the SAN, beside 2007", parsed.GetValue(json), cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>The volumes of 500 and of 1,000 nodes, more than a lab has, with LVM's own programs on this machine.</summary>
    private static async Task<IReadOnlyList<StorageFigure>> CreateManyAsync(string folder, int rounds, CancellationToken cancellation)
    {
        var runner = new CommandRunner();
        List<StorageFigure> figures = [];
        for (var round = 0; round < rounds; round++)
        {
            var (half, _) = await CreationBench.SimulateAsync(runner, folder, 500, cancellation);
            var (all, _) = await CreationBench.SimulateAsync(runner, folder, 1000, cancellation);
            figures.AddRange([new StorageFigure(StorageFigures.Root, "create-1000-time", all.TotalSeconds), new StorageFigure(StorageFigures.Root, "create-1000-ratio", all / half)]);
        }
        foreach (var figure in figures) Console.Error.WriteLine(figure);
        return figures;
    }

    /// <summary>What runs in the blade.</summary>
    public static Command Blade()
    {
        var mac = new Option<string>("--mac") { Required = true };
        var ip = new Option<string>("--ip") { Required = true };
        var subnet = new Option<string>("--subnet") { Required = true };
        var portal = new Option<string>("--portal") { Required = true };
        var target = new Option<string>("--target") { Required = true };
        var user = new Option<string>("--user") { Required = true };
        var rounds = new Option<int>("--rounds") { Required = true };
        var devices = new Option<string[]>("--devices") { Required = true, AllowMultipleArgumentsPerToken = true };
        var command = new Command("blade", "Measure the SAN from a blade's initrd; everything on the LUN is overwritten.") { mac, ip, subnet, portal, target, user, rounds, devices };
        command.Hidden = true;
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                var san = new SiteSan { Portals = [SanPortal.Parse(parsed.GetValue(portal)!)], Target = parsed.GetValue(target)!, Chap = new SiteChap { User = parsed.GetValue(user)!, SecretFile = SecretFile } };
                var link = (MacAddress.Parse(parsed.GetValue(mac)!), Ipv4Address.Parse(parsed.GetValue(ip)!), Ipv4Subnet.Parse(parsed.GetValue(subnet)!));
                var list = parsed.GetValue(devices)!.Select(d => StorageDevice.TryParse(d, out var device, out var reason) ? device : throw new FailureException(reason)).ToList();
                await new StorageBlade(new CommandRunner(), (device, load, value) => Console.WriteLine(new StorageFigure(device, load, value)), Console.WriteLine)
                    .RunAsync(san, await File.ReadAllTextAsync(SecretFile, cancellation), link, list, parsed.GetValue(rounds), cancellation);
                Console.WriteLine(StorageBench.Done);
                return ExitCode.Done;
            }
            // Whatever it is, the lab hears of it.
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Console.WriteLine($"{StorageBench.Failed} {(e is FailureException ? e.Message : e.ToString()).ReplaceLineEndings(" ")}");
                return ExitCode.Failed;
            }
        });
        return command;
    }

    /// <summary>The archive that is unpacked over the initrd: this program and the loads, with the libraries that they have here, and a script in place of the initrd's own program.</summary>
    private static void WriteArchive(string path, LabOptions lab, int rounds, IReadOnlyList<string> devices)
    {
        var blade = lab.Blades[0];
        var arguments = string.Create(CultureInfo.InvariantCulture, $"--mac {blade.Mac} --ip {blade.Ip} --subnet {lab.Subnet} --portal {lab.Portal} --target {lab.Target} --user {lab.ChapUser} --rounds {rounds} --devices {string.Join(' ', devices)}");
        var script = ProductFiles.Locate("templates/bench/blade.sbn");
        var archive = new CpioArchive(epoch: 0);
        archive.AddFile("usr/bin/virtualinux", Encoding.UTF8.GetBytes(TemplateRenderer.Render(script, File.ReadAllText(script), new Dictionary<string, object?> { ["arguments"] = arguments })), executable: true);
        archive.AddSecretFile(SecretFile, Encoding.UTF8.GetBytes(lab.ChapSecret));
        archive.AddFileFrom($"{StorageBlade.Folder}/virtualinux", Environment.ProcessPath!, executable: true);
        foreach (var jobs in (string[])["fresh", "touch", "touched"])
            archive.AddFileFrom($"{StorageBlade.Folder}/{jobs}.fio", ProductFiles.Locate($"templates/bench/{jobs}.fio"), executable: false);
        foreach (var (load, _) in s_loads) archive.AddFileFrom($"{StorageBlade.Folder}/{Path.GetFileName(load)}", load, executable: true);
        foreach (var library in new LibraryResolver("/").Resolve(s_loads.Select(l => l.Path)))
            archive.AddFileFrom($"{StorageBlade.Folder}/lib/{Path.GetFileName(library)}", $"/{library}", executable: true);
        using var file = File.Create(path);
        archive.WriteTo(file);
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using VirtuaLinux.Cluster;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Signing;
using VirtuaLinux.Install;
using VirtuaLinux.Model;
using VirtuaLinux.Node;
using VirtuaLinux.Node.Initrd;
using VirtuaLinux.Storage;

namespace VirtuaLinux.Cli.Commands;

internal static class ImageCommand
{
    public static Command Create() => new("image", "Images: 'sign', 'verify' and 'diff' work on what 'build' wrote, anywhere; the others at the images of the running site and which node runs which, on one of its nodes.") { Sign(), Verify(), Diff(), List(), Add(), Rollout(), Rollback(), Pin(true), Pin(false), Delete() };

    private static Command Sign()
    {
        var path = new Argument<string>("iso") { Description = "an installer image that was built with keys (signing: in its definition), beside what 'build' wrote with it" };
        var key = new Option<string?>("--key") { Description = "file with the private key (PEM, no password)" };
        var program = new Argument<string[]>("program") { Description = "behind '--': a program with its arguments that signs what it reads, such as openssl dgst -sha256 -sign vendor.key, or one that speaks to a token", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("sign", "Sign an image, in place; its digests beside it are brought up to date. Several keys may sign one after the other.") { path, program, key };
        command.Validators.Add(result =>
        {
            if (result.GetValue(key) is null == (result.GetValue(program) is null or [])) result.AddError("give either --key FILE or, behind '--', the program that signs");
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            var medium = new SignedMedium(new CommandRunner(), parsed.GetValue(path)!);
            var signer = await medium.SignAsync(parsed.GetValue(key) is { } file ? SignedMedium.KeyFile(file) : medium.Program(parsed.GetValue(program)!), cancellation);
            Console.WriteLine($"{parsed.GetValue(path)} is signed with key {signer.Fingerprint}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Verify()
    {
        var path = new Argument<string>("path") { Description = "a folder with SHA256SUMS, or an ISO beside its SHA256SUMS" };
        var key = new Option<string?>("--key") { Description = "file with the vendor's public key (PEM), which must have signed each image" };
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("verify", "Check that delivered files are as 'build' and 'sign' wrote them, and say who signed; 1 if one is not.") { path, key, json };
        command.SetAction(async (parsed, cancellation) =>
        {
            IReadOnlyList<VendorKey> wanted = parsed.GetValue(key) is { } file ? ImageTrust.KeysOf(file) : [];
            var delivery = await VerifiedDelivery.OfAsync(new CommandRunner(), parsed.GetValue(path)!, wanted, cancellation);
            if (parsed.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(delivery, InventoryJson.Readable.VerifiedDelivery));
            else foreach (var line in delivery.Lines()) Console.WriteLine(line);
            return delivery.Fault is { } fault ? throw new FailureException(fault) : ExitCode.Done;
        });
        return command;
    }

    private static Command Diff()
    {
        static Argument<string> Side(string name) => new(name) { Description = "a lock, an SPDX or CycloneDX file of 'build', or a folder with one image's" };
        var (before, after) = (Side("before"), Side("after"));
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("diff", "Show which packages one image has and another has not, or has in another version or under another licence.") { before, after, json };
        command.SetAction(parsed =>
        {
            var changes = PackageChange.Between(parsed.GetValue(before)!, parsed.GetValue(after)!);
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(changes, InventoryJson.Readable.IReadOnlyListPackageChange));
                return ExitCode.Done;
            }
            var table = new Table().AddColumns("package", "change", "before", "after");
            foreach (var change in changes) table.AddRow(Markup.Escape(change.Package), change.Kind, Markup.Escape(change.Before ?? ""), Markup.Escape(change.After ?? ""));
            if (changes.Count > 0) Terminal.Output.Write(table);
            else Console.WriteLine("the same packages");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command List()
    {
        var json = new Option<bool>("--json") { Description = "print one JSON document" };
        var command = new Command("list", "Show the site's images: who starts each, who runs it, who can go back to it.") { json };
        command.SetAction(async (parsed, cancellation) =>
        {
            var storage = NodeStorage.Open(new CommandRunner());
            using var nodes = new SiteNodes();
            var images = SiteImage.Of(await storage.ReadManifestAsync(cancellation), await storage.ReadGroupAsync(cancellation), await nodes.ReadAsync(storage.Manifest, cancellation));
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(images, ClusterJson.Default.IReadOnlyListSiteImage));
                return ExitCode.Done;
            }
            var table = new Table().AddColumns([new TableColumn("image"), new TableColumn("state"), new TableColumn("size").RightAligned(), new TableColumn("started by"), new TableColumn("run by"), new TableColumn("root kept by")]);
            foreach (var image in images)
                table.AddRow(image.Image.ToString(), image.State, new ByteSize(image.Size).ToRoundedString(), string.Join(", ", image.StartedBy), string.Join(", ", image.RunBy), string.Join(", ", image.KeptBy));
            Terminal.Output.Write(table);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Add()
    {
        var path = new Argument<string>("path") { Description = "an installer image (ISO), or a folder with the files of its folder virtualinux" };
        var reserve = ReserveOption();
        var trust = new Option<string[]>("--trust") { Description = "file with public keys (PEM) that count besides those of this node's image, for another vendor's" };
        var unsigned = new Option<bool>("--unsigned") { Description = "take it whoever signed it: I know where it is from" };
        var command = new Command("add", "Write an image to the SAN beside those that the site has, and verify it. No node runs it before 'rollout'. If this node's image came with its vendor's keys, one of them must have signed the new one.") { path, trust, unsigned, reserve };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            IReadOnlyList<VendorKey> trusted = parsed.GetValue(unsigned) ? [] : [.. ImageTrust.OwnKeys(), .. (parsed.GetValue(trust) ?? []).SelectMany(ImageTrust.KeysOf)];
            var image = await new SiteImages(runner, NodeStorage.Open(runner), Console.Error.WriteLine).AddAsync(parsed.GetValue(path)!, trusted, parsed.GetValue(reserve), cancellation);
            Console.WriteLine($"{image.Image} is on the SAN, verified; 'virtualinux image rollout {image.Image}' lets the nodes run it");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Rollout()
    {
        var image = ImageArgument("the image that the nodes shall run");
        var names = NodesArgument("these nodes only; all of the site unless given");
        var pace = new Pace();
        var command = new Command("rollout", "Restart nodes with an image: canaries first, then batches, this node last. It stops at the first node that does not come up well; the same command goes on where it was.") { image, names };
        pace.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(names)!, pace.Of(parsed), (state, manifest, nodes) =>
        {
            var wanted = state.Find(manifest, parsed.GetValue(image)).Image;
            return nodes.ToDictionary(n => n.Name, _ => wanted);
        }, cancellation));
        return command;
    }

    private static Command Rollback()
    {
        var names = NodesArgument("these nodes only; all that can go back unless given");
        var pace = new Pace();
        var command = new Command("rollback", "Restart nodes with the image that they ran before, and with the root that they had then.") { names };
        pace.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(names)!, pace.Of(parsed), (state, manifest, nodes) =>
        {
            if (parsed.GetValue(names)!.Length == 0 && nodes.Select(manifest.ImageOf).Distinct().Count() > 1)
                throw new FailureException($"a rollout is half done: {string.Join(", ", nodes.GroupBy(manifest.ImageOf).Select(g => $"{string.Join(' ', g.Select(n => n.Name))} start{(g.Count() == 1 ? "s" : "")} {g.Key}"))}; name the nodes that shall go back");
            if (parsed.GetValue(names)!.Length == 0) nodes = [.. nodes.Where(n => n.Former is not null)];
            if (nodes.Count == 0) throw new FailureException("no node ran another image before; 'virtualinux image list' shows what each keeps");
            return nodes.ToDictionary(n => n.Name, n => n.Former is { } former ? state.Find(manifest, former).Image : throw new FailureException($"{n.Name} keeps no root of another image; give it one with 'virtualinux image rollout IMAGE {n.Name}'"));
        }, cancellation));
        return command;
    }

    private static Command Pin(bool pinned)
    {
        var image = ImageArgument("the image");
        var command = new Command(pinned ? "pin" : "unpin", pinned ? "Keep an image when no node needs it any more: no rollout drops it, and nobody deletes it." : "Let an image be dropped or deleted when no node needs it.") { image };
        command.SetAction(async (parsed, cancellation) =>
        {
            var runner = new CommandRunner();
            await new SiteImages(runner, NodeStorage.Open(runner), Console.Error.WriteLine).PinAsync(parsed.GetValue(image), pinned, cancellation);
            Console.WriteLine($"{parsed.GetValue(image)} is {(pinned ? "pinned" : "not pinned")}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Delete()
    {
        var image = ImageArgument("an image that no node starts");
        var roots = new Option<bool>("--with-roots") { Description = "also when nodes could go back to it: they drop the roots that they keep of it" };
        var off = new Option<bool>("--powered-off") { Description = "I have seen that no machine that was taken out of the site still runs; needed where the SAN has no persistent reservations" };
        var command = new Command("delete", "Delete an image from the SAN.") { image, roots, off };
        command.SetAction(async (parsed, cancellation) =>
        {
            await StorageCommand.DeleteAsync(NodeVolumes.OriginName(parsed.GetValue(image)), parsed.GetValue(roots), parsed.GetValue(off), cancellation);
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<int> RunAsync(string[] names, (int Canary, int Batch, TimeSpan Patience) pace, Func<SanState, Manifest, IReadOnlyList<ManifestNode>, Dictionary<string, ImageVersion>> choose, CancellationToken cancellation)
    {
        var runner = new CommandRunner();
        var storage = NodeStorage.Open(runner);
        var (state, manifest) = await storage.ReadSiteAsync(cancellation);
        if (names.FirstOrDefault(n => manifest.Nodes.All(m => m.Name != n)) is { } unknown) throw new FailureException($"site {manifest.Name} has no node '{unknown}'; it has {string.Join(", ", manifest.Nodes.Select(n => n.Name))}");
        var targets = choose(state, manifest, [.. manifest.Nodes.Where(n => names.Length == 0 || names.Contains(n.Name))]);
        var site = new SiteCommit(runner, storage, Console.Error.WriteLine);
        using var nodes = new SiteNodes();
        var rollout = new Rollout((change, token) => site.CommitAsync((s, m) => (s, Checked(s, change(m))), token), nodes.ReadAsync, Console.WriteLine) { Canary = pace.Canary, Batch = pace.Batch, Patience = pace.Patience };
        var failed = await rollout.RunAsync(manifest, targets, storage.Self.Name, cancellation);
        if (failed.Count > 0) throw new FailureException($"stopped; the other nodes stay as they are. Let {(failed.Count == 1 ? "it" : "them")} go back with 'virtualinux image rollback {string.Join(' ', failed)}', or mend what failed and give the same command again");
        // Where this node restarts, it looks when it is up again.
        var runs = BootRecord.Read().Image;
        if (targets.GetValueOrDefault(storage.Self.Name, runs) == runs) await DropOutlivedAsync(runner, storage, nodes, Console.WriteLine, cancellation);
        return ExitCode.Done;
    }

    private static Task DropOutlivedAsync(CommandRunner runner, NodeStorage storage, SiteNodes nodes, Action<string> say, CancellationToken cancellation) =>
        new SiteImages(runner, storage, say).DropOutlivedAsync(nodes.ReadAsync, (manifest, status, isImage) => StorageCommand.RefuseStrangersAsync(storage, manifest, status, isImage, poweredOff: false, cancellation), cancellation);

    /// <summary>Drops the images that the site went on from, when this node's boot has ended and it was the last one to be up.</summary>
    internal static async Task DropOutlivedWhenUpAsync(Action<string> say, CancellationToken cancellation)
    {
        try
        {
            var runner = new CommandRunner();
            var storage = NodeStorage.Open(runner);
            using var nodes = new SiteNodes();
            while ((await nodes.ReadAsync(storage.Manifest with { Nodes = [storage.Self] }, cancellation)).Values.All(s => s.FailedUnits is null)) await Task.Delay(TimeSpan.FromSeconds(10), cancellation);
            await DropOutlivedAsync(runner, storage, nodes, say, cancellation);
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
        catch (Exception e) when (e is FailureException or IOException)
        {
            say($"images that nothing needs any more stay for now: {e.Message}");
        }
    }

    /// <summary>Under the lease, every image that a node starts is there.</summary>
    private static Manifest Checked(SanState state, Manifest next)
    {
        foreach (var image in next.Nodes.Select(next.ImageOf).Distinct()) state.Find(next, image);
        return next;
    }

    internal static Option<bool> ReserveOption() => new("--from-reserve") { Description = "take space from the site's reserve too, which exception stores grow from when they fill" };

    private static Argument<ImageVersion> ImageArgument(string description) => new("image")
    {
        Description = description,
        CustomParser = result =>
        {
            if (!ImageVersion.TryParse(result.Tokens[0].Value, null, out var image)) result.AddError($"'{result.Tokens[0].Value}' is not an image; write it as 'virtualinux image list' shows it, such as debian-13@2026.11.23-1");
            return image;
        },
    };

    private static Argument<string[]> NodesArgument(string description) => new("nodes") { Description = description, Arity = ArgumentArity.ZeroOrMore };

    /// <summary>How fast nodes follow each other.</summary>
    private sealed class Pace
    {
        private readonly Option<int> _canary = Positive("--canary", "nodes that go first, alone", 1, 0);
        private readonly Option<int> _batch = Positive("--batch", "nodes that go at a time after them", 4, 1);
        private readonly Option<int> _timeout = Positive("--timeout", "minutes that nodes have to come up", 10, 1);

        public void AddTo(Command command)
        {
            command.Options.Add(_canary);
            command.Options.Add(_batch);
            command.Options.Add(_timeout);
        }

        public (int Canary, int Batch, TimeSpan Patience) Of(ParseResult parsed) => (parsed.GetValue(_canary), parsed.GetValue(_batch), TimeSpan.FromMinutes(parsed.GetValue(_timeout)));

        private static Option<int> Positive(string name, string description, int value, int least) => new(name)
        {
            Description = string.Create(CultureInfo.InvariantCulture, $"{description}; {value} unless given"),
            DefaultValueFactory = _ => value,
            Validators = { result => { if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < least) result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name}: {number} is too few; write {least} or more")); } },
        };
    }
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Packages;
using VirtuaLinux.Images.Stages;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images;

/// <summary>Builds an image and its installer medium: packages → modules → tools → tree → root → initrd → boot volume → ISO, and what tells of its contents, each stage cached by its inputs.</summary>
/// <param name="options">What to build.</param>
/// <param name="runner">Runs external programs.</param>
public sealed class ImageBuilder(ImageBuildOptions options, ICommandRunner runner)
{
    /// <summary>Tells which medium of the cache the output folder has.</summary>
    internal const string DeliveredMark = ".delivered";

    private const int VersionDigits = 8;

    /// <summary>Builds what is not in the cache, and puts the medium and the files that tell of it into the output folder.</summary>
    /// <exception cref="FailureException">The definition is wrong, a tool is missing, the packages cannot be had, a disk is full…; nothing half-made is left under a final name.</exception>
    public async Task<ImageBuildResult> BuildAsync(CancellationToken cancellationToken = default)
    {
        var definitions = DefinitionSet.Load(options.ImageName, options.ProductDirectory);
        if (!File.Exists(options.ProgramPath)) throw new FailureException($"{options.ProgramPath}: the virtualinux program for the image is not there; publish it first");
        HostTools.Check(PackageManager.For(definitions.Distribution, definitions.Templates));
        using var cache = new StageCache(options.CacheDirectory);
        var context = new BuildContext(options, definitions, cache, runner, cancellationToken);

        var packages = await PackagesStage.RunAsync(context).ConfigureAwait(false);
        var inventory = await InventoryStage.RunAsync(context, packages).ConfigureAwait(false);
        if (options.Locked) Hold(definitions, inventory);
        var modules = await ModulesStage.RunAsync(context, packages).ConfigureAwait(false);
        var tools = await ToolsStage.RunAsync(context, packages, modules).ConfigureAwait(false);
        var tree = await TreeStage.RunAsync(context, packages, modules.KernelRelease).ConfigureAwait(false);
        var root = await RootImageStage.RunAsync(context, packages, tree).ConfigureAwait(false);
        var initrd = await InitrdStage.RunAsync(context, packages, modules, tools).ConfigureAwait(false);
        var boot = await BootVolumeStage.RunAsync(context, packages, modules, initrd).ConfigureAwait(false);
        var info = Describe(definitions, packages, modules, root, boot);
        var iso = await IsoStage.RunAsync(context, packages, info, root, boot, initrd).ConfigureAwait(false);
        var medium = await DigestStage.RunAsync(context, iso).ConfigureAwait(false);
        var trust = await TrustStage.RunAsync(context, inventory, info, iso, medium).ConfigureAwait(false);
        var delivered = await DeliverAsync(context, iso, trust).ConfigureAwait(false);
        if (options.UpdateLock) UpdateLock(definitions, inventory);
        return new ImageBuildResult(delivered, info, context.Stages);
    }

    /// <summary>Nothing is built of packages that nobody has looked at.</summary>
    private static void Hold(DefinitionSet definitions, PackageInventory inventory)
    {
        if (!File.Exists(definitions.LockFile)) throw new FailureException($"{definitions.LockFile}: there is no such lock to hold the build to; write it with 'virtualinux build {definitions.Name} --update-lock' and keep it with the image's definition");
        var differences = PackageLock.Parse(definitions.LockFile, File.ReadAllText(definitions.LockFile)).DifferencesTo(PackageLock.Of(definitions.Name, inventory)).ToList();
        if (differences.Count == 0) return;
        throw new FailureException($"{definitions.LockFile}: the installed packages are not those of the lock; build against a package archive that has those (--mirror, --refresh), or take these with 'virtualinux build {definitions.Name} --update-lock'\n{string.Join('\n', differences.Select(d => $"  {d}"))}");
    }

    private static void UpdateLock(DefinitionSet definitions, PackageInventory inventory)
    {
        var text = PackageLock.Of(definitions.Name, inventory).ToText();
        try
        {
            if (File.Exists(definitions.LockFile) && File.ReadAllText(definitions.LockFile) == text) return;
            File.WriteAllText(definitions.LockFile + ".partial", text);
            File.Move(definitions.LockFile + ".partial", definitions.LockFile, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{definitions.LockFile}: {e.Message}; the image is built, the lock is not written", e);
        }
    }

    private ImageInfo Describe(DefinitionSet definitions, PackageSet packages, ModuleTree modules, RootImage root, BootVolume boot)
    {
        var digest = ImageInfo.RootDigestOf(root.Chunks, root.Verity);
        // The version follows from the content alone: the same inputs give the same image under the same name.
        var content = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"{digest}\n{boot.Digest}\n")));
        var date = DateTimeOffset.FromUnixTimeSeconds(packages.Epoch).ToString("yyyy.MM.dd", CultureInfo.InvariantCulture);
        return new ImageInfo
        {
            Image = new ImageVersion(options.ImageName, $"{date}-{content[..VersionDigits]}"),
            Distribution = definitions.Image.Distribution,
            KernelRelease = modules.KernelRelease,
            RootSize = root.Size,
            ChunkSize = RootImageStage.ChunkSize,
            Chunks = root.Chunks,
            RootDigest = digest,
            Verity = root.Verity,
            BootSize = new FileInfo(boot.Path).Length,
            BootDigest = boot.Digest,
            Registers = true,
            SourceDateEpoch = packages.Epoch,
        };
    }

    /// <summary>Copies the medium out of the cache under a temporary name and renames it, so that whoever holds the old one keeps it whole. The digests come last.</summary>
    private async Task<string> DeliverAsync(BuildContext context, string iso, string trust)
    {
        var folder = Path.GetFullPath(options.OutputDirectory);
        var target = Path.Combine(folder, $"{options.ImageName}.iso");
        try
        {
            await DeliverMediumAsync(context, iso, target).ConfigureAwait(false);
            await DeliverTextAsync(Path.ChangeExtension(target, "json"), await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(iso)!, "image.json"), context.Cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            foreach (var file in Directory.EnumerateFiles(trust).Where(f => Path.GetFileName(f) != DigestList.FileName))
                await DeliverTextAsync(Path.Combine(folder, Path.GetFileName(file)), await File.ReadAllTextAsync(file, context.Cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            await DeliverTextAsync(Path.Combine(folder, DigestList.FileName), DigestsOf(folder, trust)).ConfigureAwait(false);
            return target;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ExternalCommandException)
        {
            File.Delete(target + ".partial");
            throw new FailureException($"{target}: {e.Message}", e);
        }
    }

    private static async Task DeliverMediumAsync(BuildContext context, string iso, string target)
    {
        var mark = new StageKey("delivered").Add("iso", Path.GetDirectoryName(iso)!).ToKey();
        var markFile = Path.Combine(Path.GetDirectoryName(target)!, DeliveredMark);
        if (File.Exists(target) && File.Exists(markFile) && await File.ReadAllTextAsync(markFile, context.Cancellation).ConfigureAwait(false) == mark && new FileInfo(target).Length == new FileInfo(iso).Length) return;
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Delete(markFile);
        await context.RunAsync(ExternalCommand.Of("cp", "--reflink=auto", iso, target + ".partial")).ConfigureAwait(false);
        File.Move(target + ".partial", target, overwrite: true);
        await File.WriteAllTextAsync(markFile, mark, context.Cancellation).ConfigureAwait(false);
    }

    private static async Task DeliverTextAsync(string target, string text)
    {
        if (File.Exists(target) && await File.ReadAllTextAsync(target).ConfigureAwait(false) == text) return;
        await File.WriteAllTextAsync(target + ".partial", text).ConfigureAwait(false);
        File.Move(target + ".partial", target, overwrite: true);
    }

    /// <summary>The digests of this image's files, and those of other images that the same folder has.</summary>
    private string DigestsOf(string folder, string trust)
    {
        var digests = new SortedDictionary<string, string>(DigestList.Parse(DigestList.FileName, File.ReadAllText(Path.Combine(trust, DigestList.FileName))).ToDictionary(), StringComparer.Ordinal);
        var existing = Path.Combine(folder, DigestList.FileName);
        if (!File.Exists(existing)) return DigestList.ToText(digests);
        try
        {
            foreach (var (file, digest) in DigestList.Parse(existing, File.ReadAllText(existing)))
                if (!file.StartsWith(options.ImageName + ".", StringComparison.Ordinal) && File.Exists(Path.Combine(folder, file))) digests.TryAdd(file, digest);
        }
        catch (InvalidInputException)
        {
            // Somebody's broken list is replaced by a sound one.
        }
        return DigestList.ToText(digests);
    }
}

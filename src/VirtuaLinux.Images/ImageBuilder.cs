using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Cache;
using VirtuaLinux.Images.Definitions;
using VirtuaLinux.Images.Stages;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images;

/// <summary>Builds an image and its installer medium: packages → modules → tools → tree → root → initrd → boot volume → ISO, each stage cached by its inputs.</summary>
/// <param name="options">What to build.</param>
/// <param name="runner">Runs external programs.</param>
public sealed class ImageBuilder(ImageBuildOptions options, ICommandRunner runner)
{
    private const int VersionDigits = 8;

    /// <summary>Builds what is not in the cache, and puts the medium and <c>image.json</c> into the output folder.</summary>
    /// <exception cref="FailureException">The definition is wrong, a tool is missing, the packages cannot be had, a disk is full…; nothing half-made is left under a final name.</exception>
    public async Task<ImageBuildResult> BuildAsync(CancellationToken cancellationToken = default)
    {
        var definitions = DefinitionSet.Load(options.ImageName, options.ProductDirectory);
        if (!File.Exists(options.ProgramPath)) throw new FailureException($"{options.ProgramPath}: the virtualinux program for the image is not there; publish it first");
        HostTools.Check();
        using var cache = new StageCache(options.CacheDirectory);
        var context = new BuildContext(options, definitions, cache, runner, cancellationToken);

        var packages = await PackagesStage.RunAsync(context).ConfigureAwait(false);
        var modules = await ModulesStage.RunAsync(context, packages).ConfigureAwait(false);
        var tools = await ToolsStage.RunAsync(context, packages, modules).ConfigureAwait(false);
        var tree = await TreeStage.RunAsync(context, packages, modules.KernelRelease).ConfigureAwait(false);
        var root = await RootImageStage.RunAsync(context, packages, tree).ConfigureAwait(false);
        var initrd = await InitrdStage.RunAsync(context, packages, modules, tools).ConfigureAwait(false);
        var boot = await BootVolumeStage.RunAsync(context, packages, modules, initrd).ConfigureAwait(false);
        var info = Describe(definitions, packages, modules, root, boot);
        var iso = await IsoStage.RunAsync(context, packages, info, root, boot, initrd).ConfigureAwait(false);
        return new ImageBuildResult(await DeliverAsync(context, iso).ConfigureAwait(false), info, context.Stages);
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

    /// <summary>Copies the medium out of the cache under a temporary name and renames it, so that whoever holds the old one keeps it whole.</summary>
    private async Task<string> DeliverAsync(BuildContext context, string iso)
    {
        var target = Path.Combine(Path.GetFullPath(options.OutputDirectory), $"{options.ImageName}.iso");
        var description = Path.Combine(Path.GetDirectoryName(target)!, "image.json");
        var newDescription = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(iso)!, "image.json"), context.Cancellation).ConfigureAwait(false);
        var mark = new StageKey("delivered").Add("iso", Path.GetDirectoryName(iso)!).ToKey();
        var markFile = Path.Combine(Path.GetDirectoryName(target)!, ".delivered");
        if (File.Exists(target) && File.Exists(markFile) && await File.ReadAllTextAsync(markFile, context.Cancellation).ConfigureAwait(false) == mark && new FileInfo(target).Length == new FileInfo(iso).Length) return target;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Delete(markFile);
            await context.RunAsync(ExternalCommand.Of("cp", "--reflink=auto", iso, target + ".partial")).ConfigureAwait(false);
            File.Move(target + ".partial", target, overwrite: true);
            await File.WriteAllTextAsync(description, newDescription, context.Cancellation).ConfigureAwait(false);
            await File.WriteAllTextAsync(markFile, mark, context.Cancellation).ConfigureAwait(false);
            return target;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ExternalCommandException)
        {
            File.Delete(target + ".partial");
            throw new FailureException($"{target}: {e.Message}", e);
        }
    }
}

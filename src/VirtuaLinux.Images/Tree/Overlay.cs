using VirtuaLinux.Host;

namespace VirtuaLinux.Images.Tree;

/// <summary>A folder below <c>overlays/</c> that is applied to a root: <c>files/</c> as it is, <c>build/</c> rendered, <c>node/</c> shipped for the node to render.</summary>
/// <param name="folder">The overlay's folder.</param>
public sealed class Overlay(string folder)
{
    /// <summary>Where a root keeps the templates that its node renders.</summary>
    public const string NodeTemplates = "usr/share/virtualinux/node";

    /// <summary>What names of templates end with.</summary>
    internal const string TemplateExtension = ".sbn";

    private const UnixFileMode PlainMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode ProgramMode = PlainMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Applies the overlay; what an earlier one or a package wrote at the same path is replaced.</summary>
    /// <param name="root">The root.</param>
    /// <param name="model">Values for the templates in <c>build/</c>.</param>
    /// <exception cref="FailureException">A template with a fault, by file and line.</exception>
    public void Apply(string root, IReadOnlyDictionary<string, object?> model)
    {
        CopyTree(Path.Combine(folder, "files"), root, "");
        foreach (var (file, path) in Entries(Path.Combine(folder, "build")))
        {
            if (!path.EndsWith(TemplateExtension, StringComparison.Ordinal)) throw new FailureException($"{file}: build/ holds templates (*{TemplateExtension}) only; move the file to files/");
            var text = TemplateRenderer.Render(file, File.ReadAllText(file), model);
            WriteFile(root, path[..^TemplateExtension.Length], text, Mode(file));
        }
        CopyTree(Path.Combine(folder, "node"), root, NodeTemplates);
    }

    /// <summary>Copies a folder into a root: links as links, modes brought to 0755 or 0644 so that the checkout's umask does not matter.</summary>
    public static void CopyTree(string source, string root, string into)
    {
        foreach (var (file, path) in Entries(source)) CopyFile(file, root, $"{into}/{path}");
    }

    /// <summary>Copies one file or link into a root.</summary>
    public static void CopyFile(string file, string root, string path)
    {
        var target = Prepare(root, path);
        if (new FileInfo(file).LinkTarget is { } link)
        {
            File.CreateSymbolicLink(target, link);
            return;
        }
        File.Copy(file, target);
        File.SetUnixFileMode(target, Mode(file));
    }

    /// <summary>Writes one file into a root.</summary>
    public static void WriteFile(string root, string path, string text, UnixFileMode mode = PlainMode)
    {
        var target = Prepare(root, path);
        File.WriteAllText(target, text);
        File.SetUnixFileMode(target, mode);
    }

    /// <summary>Folders are made as they are needed, and nothing is written through a link of the root, which could lead out of it.</summary>
    private static string Prepare(string root, string path)
    {
        var parent = Path.Combine(root, RootPath.Resolve(root, Path.GetDirectoryName(path.TrimStart('/')) ?? ""));
        MakeFolders(root, parent);
        var target = Path.Combine(parent, Path.GetFileName(path));
        File.Delete(target);
        return target;
    }

    private static void MakeFolders(string root, string folder)
    {
        if (Directory.Exists(folder)) return;
        MakeFolders(root, Path.GetDirectoryName(folder)!);
        Directory.CreateDirectory(folder, ProgramMode);
    }

    private static UnixFileMode Mode(string file) => (File.GetUnixFileMode(file) & UnixFileMode.UserExecute) != 0 ? ProgramMode : PlainMode;

    /// <summary>The files and links below a folder, with their paths inside it, sorted by those.</summary>
    internal static IEnumerable<(string File, string Path)> Entries(string source) =>
        Directory.Exists(source)
            ? new DirectoryInfo(source).EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
                .Where(e => e.LinkTarget is not null || !e.Attributes.HasFlag(FileAttributes.Directory))
                .Where(e => e.Name != ".gitkeep")
                .Select(e => (e.FullName, System.IO.Path.GetRelativePath(source, e.FullName)))
                .OrderBy(e => e.Item2, StringComparer.Ordinal)
            : [];
}

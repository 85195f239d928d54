using VirtuaLinux.Model;

namespace VirtuaLinux.Images;

/// <summary>A built image.</summary>
/// <param name="IsoPath">The installer medium.</param>
/// <param name="Info">What is known of the image; also in <c>NAME.json</c> beside the medium.</param>
/// <param name="Stages">All stages in the order of the build.</param>
public sealed record ImageBuildResult(string IsoPath, ImageInfo Info, IReadOnlyList<BuiltStage> Stages);

/// <summary>How a stage went.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Elapsed">Time that it took.</param>
/// <param name="Size">Bytes of its result.</param>
/// <param name="Cached">Whether the result was there already.</param>
/// <param name="Path">Folder of the result.</param>
public sealed record BuiltStage(string Name, TimeSpan Elapsed, long Size, bool Cached, string Path);

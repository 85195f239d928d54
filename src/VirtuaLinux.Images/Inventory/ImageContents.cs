using System.Security.Cryptography;
using System.Text;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Inventory;

/// <summary>A finished image and all that is in it: what its bills of materials tell.</summary>
/// <param name="Image">Its name and version.</param>
/// <param name="Epoch">Upper bound of the image's dates, in seconds since 1970 (UTC); the date of the documents too.</param>
/// <param name="MediumSha256">SHA-256 of the installer medium.</param>
/// <param name="ProgramSha256">SHA-256 of the <c>virtualinux</c> program in it.</param>
/// <param name="Inventory">Its packages.</param>
public sealed record ImageContents(ImageVersion Image, long Epoch, string MediumSha256, string ProgramSha256, PackageInventory Inventory)
{
    /// <summary>Name of the product's own program.</summary>
    internal const string Program = "virtualinux";

    /// <summary>Version of this program.</summary>
    internal static string ProgramVersion { get; } = typeof(ImageContents).Assembly.GetName().Version!.ToString(3);

    /// <summary>Name of the medium.</summary>
    internal string Medium => $"{Image.Name}.iso";

    /// <summary>The date of the documents, as JSON formats want it.</summary>
    internal string Date => DateTimeOffset.FromUnixTimeSeconds(Epoch).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>An identifier that follows from the content alone: the same image gives the same one, and no two images do (RFC 9562, version 8).</summary>
    internal Guid Identifier(string purpose)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{purpose}\n{Image}\n{MediumSha256}\n{PackageLock.Of(Image.Name, Inventory).ToText()}")).AsSpan(0, 16);
        hash[6] = (byte)(hash[6] & 0x0f | 0x80);
        hash[8] = (byte)(hash[8] & 0x3f | 0x80);
        return new Guid(hash, bigEndian: true);
    }
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Signing;

/// <summary>The signatures on an installer medium (ISO), which xorriso(1) finds there, and which are written in place.</summary>
/// <param name="runner">Runs xorriso, and whatever signs.</param>
/// <param name="path">The medium.</param>
public sealed partial class SignedMedium(ICommandRunner runner, string path)
{
    internal const string Description = "/virtualinux/image.json", Signatures = "/virtualinux/image.sig", Keys = "/virtualinux/vendor-keys.pem";

    private const int Sector = 2048;
    private const int MostBytes = 1 << 20;

    /// <summary>Whose signatures the image needs, and whose are there and fit.</summary>
    /// <exception cref="FailureException">It is no medium of this product, or a damaged one.</exception>
    public async Task<MediumSignatures> ReadAsync(CancellationToken cancellationToken = default)
    {
        var files = await FindAsync(cancellationToken).ConfigureAwait(false);
        if (!files.ContainsKey(Keys)) return new([], []);
        var (description, keys, signatures) = Read(files);
        return new([.. keys.Select(k => k.Fingerprint)], [.. keys.Where(k => signatures.SignerOf(description.Span, [k]) is not null).Select(k => k.Fingerprint)]);
    }

    /// <summary>Whether a key signed the image.</summary>
    /// <exception cref="FailureException">It is no medium of this product, or a damaged one.</exception>
    public async Task<bool> IsSignedByAsync(VendorKey key, CancellationToken cancellationToken = default)
    {
        var files = await FindAsync(cancellationToken).ConfigureAwait(false);
        if (!files.ContainsKey(Signatures)) return false;
        var (description, _, signatures) = Read(files);
        return signatures.SignerOf(description.Span, [key]) is not null;
    }

    /// <summary>Signs the image, and writes the medium's new digest into the files that <c>build</c> put beside it.</summary>
    /// <param name="sign">Makes a signature in DER of a description's bytes.</param>
    /// <param name="cancellationToken">Ends it before anything is written.</param>
    /// <returns>The key that signed.</returns>
    /// <exception cref="FailureException">The medium is not as it was built, asks for no signature, or not for one of this key; nothing was written.</exception>
    public async Task<VendorKey> SignAsync(Func<ReadOnlyMemory<byte>, CancellationToken, Task<byte[]>> sign, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sign);
        var before = DigestList.Verify(path).Single(f => f.Name == Path.GetFileName(path));
        if (!before.Sound) throw new FailureException($"{path}: it is not as it was built, and not signed; build it again");
        var files = await FindAsync(cancellationToken).ConfigureAwait(false);
        if (!files.TryGetValue(Signatures, out var place)) throw new FailureException($"{path}: it was built without keys; write the public key into images/{Path.GetFileNameWithoutExtension(path)}.yaml (signing: {{ keys: [vendor.pem] }}), and build it again");
        var (description, keys, signatures) = Read(files);
        var signature = await sign(description, cancellationToken).ConfigureAwait(false);
        if (keys.FirstOrDefault(k => k.Verifies(description.Span, signature)) is not { } key)
            throw new FailureException($"{path}: it takes no signature of this key, only of {string.Join(" or ", keys.Select(k => k.Fingerprint))}; sign with the key that belongs to one of signing.keys in images/{Path.GetFileNameWithoutExtension(path)}.yaml");
        Write(place, signatures.With(key, signature).ToBytes());
        Redigest(before.Expected);
        return key;
    }

    /// <summary>Signs with a private key in a file, in PEM.</summary>
    /// <exception cref="FailureException">There is no such key.</exception>
    public static Func<ReadOnlyMemory<byte>, CancellationToken, Task<byte[]>> KeyFile(string file) => (description, _) =>
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(File.ReadAllText(file));
            return Task.FromResult(key.SignData(description.Span, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or CryptographicException)
        {
            throw new FailureException($"{file}: {e.Message}; name a private key in PEM without a password (ECDSA on P-256), or let a program sign that knows where the key is", e);
        }
    };

    /// <summary>Signs with a program, such as one that speaks to a token: it reads what is to be signed and writes ECDSA over its SHA-256, in DER, as <c>openssl dgst -sha256 -sign vendor.key</c> does.</summary>
    public Func<ReadOnlyMemory<byte>, CancellationToken, Task<byte[]>> Program(IReadOnlyList<string> command) => async (description, cancellation) =>
    {
        using var signature = new MemoryStream();
        using var input = new MemoryStream(description.ToArray());
        await runner.RunAsync(ExternalCommand.Of(command[0], [.. command.Skip(1)]).WithInput(input).WithOutput(signature), cancellation).ConfigureAwait(false);
        return signature.ToArray();
    };

    private async Task<IReadOnlyDictionary<string, (long Start, long Length)>> FindAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(path)) throw new FailureException($"{path}: there is no such file; name an installer image (ISO)");
        var list = await runner.RunAsync(ExternalCommand.Of("xorriso", "-abort_on", "FATAL", "-indev", path, "-find", "/virtualinux", "-type", "f", "-exec", "report_lba", "--").Accepting(), cancellationToken).ConfigureAwait(false);
        var files = Place().Matches(list.Output).ToDictionary(m => m.Groups[3].Value, m => (long.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture) * Sector, long.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture)));
        return files.ContainsKey(Description) ? files : throw new FailureException($"{path}: it has no {Description}: it is no installer image of this product, or a damaged one");
    }

    private (ReadOnlyMemory<byte> Description, IReadOnlyList<VendorKey> Keys, ImageSignatures Signatures) Read(IReadOnlyDictionary<string, (long Start, long Length)> files)
    {
        byte[] Of(string name)
        {
            if (!files.TryGetValue(name, out var place) || place.Length > MostBytes) throw Damaged(name);
            using var medium = File.OpenRead(path);
            medium.Position = place.Start;
            var bytes = new byte[place.Length];
            medium.ReadExactly(bytes);
            return bytes;
        }
        try
        {
            if (!VendorKey.TryReadAll(Encoding.ASCII.GetString(Of(Keys)), out var keys, out _)) throw Damaged(Keys);
            return (Of(Description), keys, ImageSignatures.TryRead(Of(Signatures), out var signatures) ? signatures : throw Damaged(Signatures));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{path}: {e.Message}", e);
        }
    }

    private FailureException Damaged(string name) => new($"{path}: {name} is damaged; fetch the medium again, or build it again");

    private void Write((long Start, long Length) place, byte[] bytes)
    {
        try
        {
            // Whoever holds the medium keeps it whole, and the next build delivers its own.
            File.Copy(path, path + ".partial", overwrite: true);
            using (var medium = File.OpenWrite(path + ".partial"))
            {
                medium.Position = place.Start;
                medium.Write(bytes);
                medium.Flush(flushToDisk: true);
            }
            File.Delete(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, ImageBuilder.DeliveredMark));
            File.Move(path + ".partial", path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FailureException($"{path}: {e.Message}; it is not signed", e);
        }
    }

    /// <summary>What tells the medium's digest tells the new one: each text, and then the list of their digests.</summary>
    private void Redigest(string before)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var list = Path.Combine(folder, DigestList.FileName);
        var digests = new SortedDictionary<string, string>(DigestList.Parse(list, File.ReadAllText(list)).ToDictionary(), StringComparer.Ordinal) { [Path.GetFileName(path)] = DigestList.DigestOf(path) };
        foreach (var name in digests.Keys.Where(n => n.EndsWith(".json", StringComparison.Ordinal)).ToList())
            if (Path.Combine(folder, name) is var file && File.Exists(file) && File.ReadAllText(file) is var text && text.Contains(before, StringComparison.Ordinal))
            {
                Replace(file, text.Replace(before, digests[Path.GetFileName(path)], StringComparison.Ordinal));
                digests[name] = DigestList.DigestOf(file);
            }
        Replace(list, DigestList.ToText(digests));
    }

    private static void Replace(string file, string text)
    {
        File.WriteAllText(file + ".partial", text);
        File.Move(file + ".partial", file, overwrite: true);
    }

    [GeneratedRegex(@"^File data lba:\s*0\s*,\s*(\d+)\s*,\s*\d+\s*,\s*(\d+)\s*,\s*'(.*)'\s*$", RegexOptions.Multiline)]
    private static partial Regex Place();
}

/// <summary>Whose signatures are on a medium.</summary>
/// <param name="Needed">Fingerprints of the keys of which one must have signed; empty for an image that anybody may have built.</param>
/// <param name="Found">Those of them that have.</param>
public sealed record MediumSignatures(IReadOnlyList<string> Needed, IReadOnlyList<string> Found);

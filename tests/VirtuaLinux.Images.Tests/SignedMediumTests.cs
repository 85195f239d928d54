using System.Text;
using VirtuaLinux.Host;
using VirtuaLinux.Images.Inventory;
using VirtuaLinux.Images.Signing;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Tests;

/// <summary>A medium is signed in place, with keys and programs as a vendor has them: openssl(1) and xorriso(1).</summary>
public sealed class SignedMediumTests : IDisposable
{
    private const string Description = "{\"image\":\"test@1\"}";

    private readonly TemporaryFolder folder = new();
    private readonly CommandRunner runner = new();

    private string Iso => folder.At("out/test.iso");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_signed_medium_differs_in_the_signature_alone_and_all_digests_follow()
    {
        await MakeAsync("vendor");
        var before = await File.ReadAllBytesAsync(Iso);
        await Assert.ThrowsAsync<FailureException>(() => VerifyFaultAsync());

        var signer = await new SignedMedium(runner, Iso).SignAsync(SignedMedium.KeyFile(folder.At("vendor.key")));

        var after = await File.ReadAllBytesAsync(Iso);
        Assert.Equal(before.Length, after.Length);
        var changed = Enumerable.Range(0, after.Length).Where(i => before[i] != after[i]).ToList();
        Assert.InRange(changed[^1] - changed[0], 100, ImageSignatures.Length);
        await VerifyFaultAsync();
        await runner.RunAsync(ExternalCommand.Of("sha256sum", "--check", "--strict", "SHA256SUMS").WithWorkingDirectory(folder.At("out")));
        Assert.Equal($"the medium is {DigestList.DigestOf(Iso)}", await File.ReadAllTextAsync(folder.At("out/test.spdx.json")));
        Assert.Equal([signer.Fingerprint], (await new SignedMedium(runner, Iso).ReadAsync()).Found);
        // What is on the medium is what openssl verifies.
        await ExtractAsync("image.json", "image.sig");
        Assert.True(ImageSignatures.TryRead(await File.ReadAllBytesAsync(folder.At("image.sig")), out var signatures));
        await File.WriteAllBytesAsync(folder.At("signature"), signatures.Lines[signer.Fingerprint].ToArray());
        await runner.RunAsync(ExternalCommand.Of("openssl", "dgst", "-sha256", "-verify", folder.At("vendor.pem"), "-signature", folder.At("signature"), folder.At("image.json")));
    }

    [Fact]
    public async Task A_program_signs_as_well_and_a_second_key_adds_its_signature()
    {
        await MakeAsync("vendor", "next");
        var medium = new SignedMedium(runner, Iso);

        var first = await medium.SignAsync(medium.Program(["openssl", "dgst", "-sha256", "-sign", folder.At("vendor.key")]));
        Assert.Equal([first.Fingerprint], (await medium.ReadAsync()).Found);
        var second = await medium.SignAsync(SignedMedium.KeyFile(folder.At("next.key")));

        Assert.Equal([first.Fingerprint, second.Fingerprint], (await medium.ReadAsync()).Found);
        await VerifyFaultAsync("next");
    }

    [Fact]
    public async Task A_stranger_cannot_sign_and_is_told_who_can()
    {
        await MakeAsync("vendor");
        await MakeKeyAsync("stranger");
        var before = DigestList.DigestOf(Iso);

        var failure = await Assert.ThrowsAsync<FailureException>(() => new SignedMedium(runner, Iso).SignAsync(SignedMedium.KeyFile(folder.At("stranger.key"))));

        Assert.Contains((await new SignedMedium(runner, Iso).ReadAsync()).Needed[0], failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, DigestList.DigestOf(Iso));
        Assert.Contains("not signed with the key", (await Assert.ThrowsAsync<FailureException>(() => VerifyFaultAsync("stranger"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signature_on_a_changed_description_does_not_count()
    {
        await MakeAsync("vendor");
        await new SignedMedium(runner, Iso).SignAsync(SignedMedium.KeyFile(folder.At("vendor.key")));
        var bytes = await File.ReadAllBytesAsync(Iso);
        bytes[bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Description)) + 12] ^= 1;
        await File.WriteAllBytesAsync(Iso, bytes);

        Assert.Empty((await new SignedMedium(runner, Iso).ReadAsync()).Found);
        await Assert.ThrowsAsync<FailureException>(() => new SignedMedium(runner, Iso).SignAsync(SignedMedium.KeyFile(folder.At("vendor.key"))));
    }

    [Fact]
    public async Task A_medium_without_keys_says_what_to_write_and_other_files_are_named()
    {
        await MakeAsync();
        Assert.Contains("signing: { keys:", (await Assert.ThrowsAsync<FailureException>(() => new SignedMedium(runner, Iso).SignAsync(SignedMedium.KeyFile("/nowhere")))).Message, StringComparison.Ordinal);
        await VerifyFaultAsync();
        folder.Write("out/other.iso", "no medium");
        Assert.Contains("other.iso", (await Assert.ThrowsAsync<FailureException>(() => new SignedMedium(runner, folder.At("out/other.iso")).ReadAsync())).Message, StringComparison.Ordinal);
    }

    private async Task VerifyFaultAsync(string? key = null)
    {
        IReadOnlyList<VendorKey> wanted = key is not null && VendorKey.TryReadAll(await File.ReadAllTextAsync(folder.At($"{key}.pem")), out var keys, out _) ? keys : [];
        if ((await VerifiedDelivery.OfAsync(runner, Iso, wanted)).Fault is { } fault) throw new FailureException(fault);
    }

    /// <summary>A medium as the ISO stage makes it, as far as signatures go, and what lies beside it.</summary>
    private async Task MakeAsync(params string[] keys)
    {
        folder.Write("image.json", Description);
        folder.Write("out/test.iso", "");
        string[] grafts = [$"/virtualinux/image.json={folder.At("image.json")}"];
        if (keys.Length > 0)
        {
            foreach (var key in keys) await MakeKeyAsync(key);
            folder.Write("keys", string.Concat(keys.Select(k => File.ReadAllText(folder.At($"{k}.pem")))));
            await File.WriteAllBytesAsync(folder.At("image.sig"), ImageSignatures.None.ToBytes());
            grafts = [.. grafts, $"/virtualinux/vendor-keys.pem={folder.At("keys")}", $"/virtualinux/image.sig={folder.At("image.sig")}"];
        }
        await runner.RunAsync(ExternalCommand.Of("xorriso", "-report_about", "WARNING", "-as", "mkisofs", "-o", Iso, "-r", "-J", "-partition_offset", "16", "-graft-points").With(grafts));
        folder.Write("out/test.spdx.json", $"the medium is {DigestList.DigestOf(Iso)}");
        folder.Write("out/SHA256SUMS", DigestList.ToText(((string[])["test.iso", "test.spdx.json"]).ToDictionary(f => f, f => DigestList.DigestOf(folder.At($"out/{f}")))));
    }

    private async Task MakeKeyAsync(string name)
    {
        await runner.RunAsync(ExternalCommand.Of("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder.At($"{name}.key")));
        await runner.RunAsync(ExternalCommand.Of("openssl", "pkey", "-in", folder.At($"{name}.key"), "-pubout", "-out", folder.At($"{name}.pem")));
    }

    private async Task ExtractAsync(params string[] files)
    {
        foreach (var file in files) await runner.RunAsync(ExternalCommand.Of("xorriso", "-osirrox", "on", "-indev", Iso, "-extract", $"/virtualinux/{file}", folder.At(file)));
    }
}

using System.Security.Cryptography;
using VirtuaLinux.Model;

namespace VirtuaLinux.Images.Tests;

public sealed class ChunkDigestTests
{
    [Fact]
    public void Each_chunk_has_its_SHA256_and_zeros_have_none()
    {
        var digest = new ChunkDigest(4);
        digest.Append("abcd"u8);
        digest.Append(new byte[4]);
        digest.Append("xy"u8);

        Assert.Equal([Convert.ToHexStringLower(SHA256.HashData("abcd"u8)), "", Convert.ToHexStringLower(SHA256.HashData("xy"u8))], digest.Chunks);
    }

    [Fact]
    public void The_root_digest_is_that_of_a_list_which_a_person_could_check_with_sha256sum()
    {
        var digest = new ChunkDigest(3);
        digest.Append("abc"u8);
        digest.Append(new byte[3]);

        // printf '%s\n\n' "$(printf abc | sha256sum | cut -d' ' -f1)" | sha256sum
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n\n"u8)), digest.RootDigest());
    }

    [Fact]
    public void Order_length_and_content_all_count()
    {
        string Of(params string[] chunks)
        {
            var digest = new ChunkDigest(2);
            foreach (var chunk in chunks) digest.Append(System.Text.Encoding.ASCII.GetBytes(chunk));
            return digest.RootDigest();
        }

        Assert.Equal(4, new HashSet<string> { Of("ab", "cd"), Of("cd", "ab"), Of("ab", "c"), Of("ab") }.Count);
    }

    [Fact]
    public void Only_the_last_chunk_may_be_short()
    {
        var digest = new ChunkDigest(4);
        digest.Append("abc"u8);

        Assert.Throws<ArgumentException>(() => digest.Append("abcd"u8));
        Assert.Throws<ArgumentException>(() => new ChunkDigest(4).Append("abcde"u8));
        Assert.Throws<ArgumentException>(() => new ChunkDigest(4).Append([]));
    }
}

using System.Security.Cryptography;

namespace VirtuaLinux.Node;

/// <summary>The node's SSH host key, so that whoever logs in first can compare it.</summary>
public static class SshHostKey
{
    /// <summary>The public key on the node's <c>local</c> volume.</summary>
    public const string Path = "/local/ssh/ssh_host_ed25519_key.pub";

    /// <summary>Fingerprint of a public key file as <c>ssh-keygen -l</c> writes it (RFC 4648 Base64 of SHA-256, without padding); null if there is none.</summary>
    public static string? Fingerprint(string path)
    {
        if (!File.Exists(path)) return null;
        var fields = File.ReadAllText(path).Split(' ');
        Span<byte> key = stackalloc byte[1024];
        return fields.Length >= 2 && Convert.TryFromBase64String(fields[1], key, out var length) ? $"SHA256:{Convert.ToBase64String(SHA256.HashData(key[..length])).TrimEnd('=')}" : null;
    }
}

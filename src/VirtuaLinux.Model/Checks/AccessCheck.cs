using System.Buffers.Binary;
using System.Text;

namespace VirtuaLinux.Model.Checks;

/// <summary>Accounts and their public keys.</summary>
internal static class AccessCheck
{
    private static readonly string[] Algorithms =
    [
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ];

    public static void Run(SiteCheck check)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < check.Site.Access.Count; i++)
        {
            var access = check.Site.Access[i];
            var path = $"access[{i}]";
            if (!Forms.User.IsMatch(access.User)) check.Wrong($"{path}.user", $"'{access.User}' is not a name for an account", "write small letters, digits, '_' and '-', at most 32 of them, starting with a letter (useradd(8))");
            if (!seen.TryAdd(access.User, i)) check.Wrong($"{path}.user", $"the account '{access.User}' is given twice, first in line {check.LineOf($"access[{seen[access.User]}].user")}", "put all of its keys into one entry");
            for (var k = 0; k < access.SshKeys.Count; k++)
                if (Complaint(access.SshKeys[k]) is { } complaint) check.Wrong($"{path}.sshKeys[{k}]", complaint, "write the one line of the person's .pub file, such as \"ssh-ed25519 AAAA… name\"");
        }
    }

    /// <summary>Why the text is no line for <c>authorized_keys</c> (sshd(8), AUTHORIZED_KEYS FILE FORMAT; RFC 4253, section 6.6); null when it is one.</summary>
    internal static string? Complaint(string key)
    {
        if (key.Contains("PRIVATE KEY", StringComparison.Ordinal)) return "this is a private key, which must stay with its owner";
        if (key.Any(c => char.IsControl(c) && c != '\t')) return "a public key is one line";
        var words = key.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        var at = Array.FindIndex(words, w => Algorithms.Contains(w));
        if (at < 0) return $"no known type of public key ({string.Join(", ", Algorithms)})";
        if (at + 1 == words.Length) return $"behind '{words[at]}' the key itself is missing";
        var blob = new byte[words[at + 1].Length];
        if (!Convert.TryFromBase64String(words[at + 1], blob, out var length)) return "the key itself is not Base64; it was probably cut off or changed";
        return NamesItself(blob.AsSpan(0, length), words[at]) ? null : $"the key itself is not of the type '{words[at]}' that stands before it; it was probably cut off or changed";
    }

    private static bool NamesItself(ReadOnlySpan<byte> blob, string algorithm)
    {
        if (blob.Length < 4 || BinaryPrimitives.ReadUInt32BigEndian(blob) != algorithm.Length || blob.Length < 4 + algorithm.Length + 4) return false;
        return Encoding.ASCII.GetString(blob.Slice(4, algorithm.Length)) == algorithm && Ends(blob);
    }

    /// <summary>A key is a row of strings, each behind its length (RFC 4251, section 5); a key that lost its end does not come out even.</summary>
    private static bool Ends(ReadOnlySpan<byte> blob)
    {
        while (blob.Length >= 4)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(blob);
            if (length > blob.Length - 4) return false;
            blob = blob[(4 + (int)length)..];
        }
        return blob.IsEmpty;
    }
}

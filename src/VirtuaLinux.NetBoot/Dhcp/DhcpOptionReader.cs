namespace VirtuaLinux.NetBoot.Dhcp;

/// <summary>Walks a field of options; every length check of the codec is here.</summary>
/// <remarks>A field that ends without option 255 is accepted: some firmware leaves it out.</remarks>
public ref struct DhcpOptionReader(ReadOnlySpan<byte> field)
{
    private ReadOnlySpan<byte> rest = field;

    /// <summary>The option that <see cref="MoveNext"/> found.</summary>
    public DhcpOption Code { get; private set; }

    /// <summary>Its value.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Whether the walk stopped at a length that points behind the end.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Steps to the next option; false at the end or at a malformed one.</summary>
    public bool MoveNext()
    {
        while (rest is [(byte)DhcpOption.Pad, ..]) rest = rest[1..];
        if (rest is [] or [(byte)DhcpOption.End, ..]) return false;
        if (rest.Length < 2 || rest[1] > rest.Length - 2)
        {
            IsMalformed = true;
            return false;
        }
        Code = (DhcpOption)rest[0];
        Value = rest.Slice(2, rest[1]);
        rest = rest[(2 + rest[1])..];
        return true;
    }
}

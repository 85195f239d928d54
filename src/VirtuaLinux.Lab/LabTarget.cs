namespace VirtuaLinux.Lab;

/// <summary>A target of the lab's SAN.</summary>
/// <param name="Name">iSCSI or NVMe qualified name.</param>
/// <param name="User">CHAP user that an iSCSI target asks for.</param>
/// <param name="Secret">That user's secret.</param>
public sealed record LabTarget(string Name, string User, string Secret);

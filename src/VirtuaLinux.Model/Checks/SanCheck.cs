namespace VirtuaLinux.Model.Checks;

/// <summary>The SAN: portals, target, LUN, CHAP.</summary>
internal static class SanCheck
{
    /// <summary>Largest LUN of the flat addressing that Linux uses (SAM-5, section 4.7.7.3).</summary>
    private const int LargestLun = 16383;

    private const int LongestName = 223;

    public static void Run(SiteCheck check)
    {
        foreach (var (path, san) in ((string, SiteSan?)[])[("san", check.Site.San), ("formerSan", check.Site.FormerSan)])
            if (san is not null) Run(check, san, path);
        if (check.Site is { San: { } next, FormerSan: { } former } && former.Target == next.Target && !former.Portals.SequenceEqual(next.Portals))
            check.Wrong("formerSan.target", $"'formerSan' and 'san' name the same target at different portals: a machine could not tell the two arrays apart", "give the target of the new array a name of its own");
    }

    private static void Run(SiteCheck check, SiteSan san, string path)
    {
        Portals(check, san, path);
        if (san.Transport == SanTransport.NvmeTcp) Nvme(check, san, path);
        else Iscsi(check, san, path);
        if (san.Wwid is { } wwid && !Forms.Word.IsMatch(wwid)) check.Wrong($"{path}.wwid", $"'{wwid}' is not a WWID", "write it as the SAN shows it, without blanks");
        if (san.Wwid is not null && check.Has($"{path}.lun")) check.Wrong($"{path}.wwid", $"both 'lun' (line {check.LineOf($"{path}.lun")}) and 'wwid' name the LUN", "keep one of them");
    }

    private static void Iscsi(SiteCheck check, SiteSan san, string path)
    {
        if (Forms.NvmeName.IsMatch(san.Target)) check.Wrong($"{path}.target", $"'{san.Target}' is an NVMe name", "write 'transport: nvme-tcp' above it, or the name of an iSCSI target, such as iqn.2026-11.org.virtualinux:san");
        else if (san.Target.Length > LongestName || !Forms.IscsiName.IsMatch(san.Target))
            check.Wrong($"{path}.target", $"'{san.Target}' is not an iSCSI name", "write it as iqn.2026-11.org.virtualinux:san, in small letters");
        if (san.Lun is < 0 or > LargestLun) check.Wrong($"{path}.lun", $"{san.Lun} is not a logical unit number", $"write a number from 0 to {LargestLun}, usually 1");
        if (san.Chap is not { } chap) return;
        if (!Forms.Word.IsMatch(chap.User)) check.Wrong($"{path}.chap.user", $"'{chap.User}' is not a CHAP user", "write the name without blanks");
        if (chap.SecretFile.Length == 0 || chap.SecretFile.Any(char.IsControl)) check.Wrong($"{path}.chap.secretFile", "the name of the secret's file is not one", "write the name of a file beside the site file, such as chap.secret");
    }

    private static void Nvme(SiteCheck check, SiteSan san, string path)
    {
        if (san.Target.Length > LongestName || !Forms.NvmeName.IsMatch(san.Target))
            check.Wrong($"{path}.target", $"'{san.Target}' is not the NVMe name of a subsystem", "write it as the array shows it, as in nqn.2026-11.org.virtualinux:san; for an iSCSI target, take 'transport' out");
        if (san.Lun < 1) check.Wrong($"{path}.lun", $"{san.Lun} is not the number of a namespace", "write a number from 1 on, usually 1");
        if (san.Chap is not null) check.Wrong($"{path}.chap", "a secret is not supported over NVMe/TCP yet", $"take 'chap' out, and let the array know the nodes by their names, which are nqn.2026-11.org.virtualinux:{check.Site.Name}:NODE:MAC, the MAC address without colons");
    }

    private static void Portals(SiteCheck check, SiteSan san, string parent)
    {
        if (san.Portals.Count == 0) check.Wrong($"{parent}.portals", "the SAN has no portal", "write at least one, as in [ 192.168.77.1:3260 ]");
        var seen = new Dictionary<SanPortal, int>();
        for (var i = 0; i < san.Portals.Count; i++)
        {
            var portal = san.Portals[i];
            var path = $"{parent}.portals[{i}]";
            if (!seen.TryAdd(portal, i)) check.Wrong(path, $"the portal {portal} is given twice, first in line {check.LineOf($"{parent}.portals[{seen[portal]}]")}", "keep one of them");
            foreach (var (name, network) in check.Site.Networks)
                if (network.Subnet.Contains(portal.Address) && !network.Subnet.IsHost(portal.Address))
                    check.Wrong(path, $"{portal.Address} is the network or broadcast address of '{name}' ({network.Subnet})", NetworkCheck.HostAdvice(network.Subnet));
            var networks = check.Site.Networks;
            if (networks.Count > 0 && networks.Values.All(n => n.Gateway is null && !n.Subnet.Contains(portal.Address)))
                check.Wrong(path, $"no node reaches the portal {portal}: it is in none of the networks ({string.Join(", ", networks.Select(n => $"{n.Key} {n.Value.Subnet}"))}), and none has a gateway", "correct the address, add the network that it is in, or the gateway that leads to it");
        }
    }
}

namespace VirtuaLinux.Model.Checks;

/// <summary>Checks what a well-formed site file means, and collects every fault with its line.</summary>
internal sealed class SiteCheck(Loaded<Site> file, Site site)
{
    private readonly List<Diagnostic> errors = [];

    public Site Site => site;

    public static IReadOnlyList<Diagnostic> Run(Loaded<Site> file, Site site, SiteParts needed)
    {
        var check = new SiteCheck(file, site);
        check.General();
        check.Needed(needed);
        NetworkCheck.Run(check);
        SanCheck.Run(check);
        AccessCheck.Run(check);
        NodeCheck.Run(check);
        SharedCheck.Run(check);
        return check.errors;
    }

    public void Wrong(string path, string message, string advice) => errors.Add(file.At(path, message, advice));

    public int LineOf(string path) => file.LineOf(path);

    public bool Has(string path) => file.Has(path);

    private void General()
    {
        if (site.Version != 1) Wrong("version", $"version {site.Version} of the site file is not known to this program", "write 'version: 1', or use the program that the file was written for");
        if (!Forms.HostName.IsMatch(site.Name)) Wrong("name", $"'{site.Name}' is not a name for a site", "write letters, digits and inner hyphens, at most 63 of them, such as blade16");
        if (site.Image.Length > 0 && !Forms.ImageName.IsMatch(site.Image)) Wrong("image", $"'{site.Image}' is not the name of an image", "write its name without a version, such as debian-13");
        if (site.KernelArguments.Any(c => c is < ' ' or > '~')) Wrong("kernelArguments", "kernel arguments must be one line of printable ASCII", "put them all into one line, such as 'console=tty0 console=ttyS0'");
        Volumes();
        Answers();
    }

    private void Needed(SiteParts needed)
    {
        if (needed.HasFlag(SiteParts.Image) && site.Image.Length == 0) Wrong("image", "'image' is missing in the file", "add 'image:' with the name of the image that the nodes run, such as debian-13");
        if (needed.HasFlag(SiteParts.San) && site.San is null) Wrong("san", "'san' is missing in the file", "add 'san:' with portals, target and lun");
        if (needed.HasFlag(SiteParts.Access) && !site.Access.Any(a => a.SshKeys.Count > 0)) Wrong("access", "nobody could log in to the nodes: 'access' has no account with a key", "add 'access: [ { user: admin, sshKeys: [ \"ssh-ed25519 AAAA…\" ] } ]'");
    }

    private void Volumes()
    {
        AtLeast("volumes.root", site.Volumes.Root, ByteSize.FromGiB(1), "a node's root needs space for what differs from the image");
        AtLeast("volumes.local", site.Volumes.Local, ByteSize.FromMiB(64), "logs, keys and home directories live there");
        if (site.Volumes.Shared.Bytes > 0) AtLeast("volumes.shared", site.Volumes.Shared, ByteSize.FromMiB(64), "0 means none");
        if (site.Volumes.Reserve.Value > 90) Wrong("volumes.reserve", $"a reserve of {site.Volumes.Reserve} leaves no space for volumes", "write 90% or less, such as 10%");
    }

    private void AtLeast(string path, ByteSize size, ByteSize minimum, string why)
    {
        if (size < minimum) Wrong(path, $"'{path}' of {size} is too small: {why}", $"write {minimum} or more");
    }

    private void Answers()
    {
        if (site.Answers is not { } answers) return;
        if (answers.AcceptPeers is { } peers && (peers < 0 || peers >= Math.Max(1, site.Nodes.Count)))
            Wrong("answers.acceptPeers", $"{peers} peers are not possible: the site has {site.Nodes.Count} node{(site.Nodes.Count == 1 ? "" : "s")}, one of them the metamaster", $"write a number from 0 to {Math.Max(0, site.Nodes.Count - 1)}, or remove the line to wait for all");
        if (answers.OverwriteLun is { } wwid && !Forms.Word.IsMatch(wwid))
            Wrong("answers.overwriteLun", $"'{wwid}' is not the WWID of a LUN", "write it as the plan shows it, without blanks");
    }
}

using System.Formats.Tar;
using System.Text;
using CsCheck;
using VirtuaLinux.Host;
using VirtuaLinux.Model;
using VirtuaLinux.Storage;
using VirtuaLinux.Storage.Fencing;
using VirtuaLinux.Storage.Lvm;

namespace VirtuaLinux.Install.Tests;

/// <summary>A site's backup: what goes in comes out, and everything else is refused with a reason and no change.</summary>
public sealed class BackupTests : IDisposable
{
    private static readonly Guid SiteId = Guid.Parse("11111111-2222-3333-4444-555555555555");
    private static readonly ImageInfo Image = new()
    {
        Image = ImageVersion.Parse("debian-13@2026.11.23-1"),
        Distribution = "debian-13",
        KernelRelease = "6.12.0",
        RootSize = 2L << 30,
        ChunkSize = 4 << 20,
        Chunks = [],
        RootDigest = "0123456789abcdef0123456789abcdef",
        BootSize = 100 << 20,
        BootDigest = "",
        SourceDateEpoch = 0,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("virtualinux-backup").FullName;
    private readonly Site _site = Load("blade16");
    private readonly CommandRunner _runner = new();

    private string Path_ => Path.Combine(_folder, "site.tar");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_backup_is_whole_and_for_its_owner_alone_and_sha256sum_and_openssl_agree()
    {
        var state = await MakeAsync();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path_));
        var seen = new Dictionary<string, string>();
        var backup = await BackupFile.ReadAsync(Path_, async (node, files) => seen[node] = await new StreamReader(files).ReadToEndAsync());
        Assert.Equal(("files of node01", "files of node02"), (seen["node01"], seen["node02"]));
        Assert.Equal((SiteId, 7, state.CaKey), (backup.Manifest.SiteId, backup.Manifest.Serial, backup.State.CaKey));
        Assert.Equal(ByteSize.FromMiB(512).Bytes, backup.Group.SizeOf(backup.Group.Find("node01_local")!));
        Assert.Contains("node02     local, ", string.Join('\n', backup.Lines()), StringComparison.Ordinal);

        await _runner.RunAsync(ExternalCommand.Of("tar", "--extract", "--file", Path_, "--directory", _folder));
        await _runner.RunAsync(ExternalCommand.Of("sha256sum", "--check", "--strict", "SHA256SUMS").WithWorkingDirectory(_folder));
        await File.WriteAllTextAsync(Path.Combine(_folder, "ca.pem"), state.CaCertificate);
        var key = (await _runner.RunAsync(ExternalCommand.Of("openssl", "x509", "-in", "ca.pem", "-noout", "-pubkey").WithWorkingDirectory(_folder))).Output;
        await File.WriteAllTextAsync(Path.Combine(_folder, "key.pem"), key);
        await _runner.RunAsync(ExternalCommand.Of("openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "SHA256SUMS.sig", "SHA256SUMS").WithWorkingDirectory(_folder));
    }

    [Fact]
    public async Task Any_byte_that_changed_is_found()
    {
        await MakeAsync();
        var whole = await File.ReadAllBytesAsync(Path_);
        var contents = Sectors(whole);
        await Gen.Select(Gen.Int[0, contents.Count - 1].Select(i => contents[i]), Gen.Byte[1, 255]).SampleAsync(async (at, flip) =>
        {
            var file = Path.Combine(_folder, $"{Guid.NewGuid():N}.tar");
            var bytes = (byte[])whole.Clone();
            bytes[at] ^= flip;
            await File.WriteAllBytesAsync(file, bytes);
            await Assert.ThrowsAsync<FailureException>(() => BackupFile.ReadAsync(file));
            File.Delete(file);
        }, iter: 300);
    }

    [Fact]
    public async Task A_backup_that_was_cut_short_is_found()
    {
        await MakeAsync();
        var whole = await File.ReadAllBytesAsync(Path_);
        await Gen.Int[0, Sectors(whole)[^1]].SampleAsync(async length =>
        {
            var file = Path.Combine(_folder, $"{Guid.NewGuid():N}.tar");
            await File.WriteAllBytesAsync(file, whole[..length]);
            await Assert.ThrowsAsync<FailureException>(() => BackupFile.ReadAsync(file));
            File.Delete(file);
        }, iter: 100);
    }

    [Fact]
    public async Task A_list_that_was_made_anew_without_the_site_s_key_is_found()
    {
        await MakeAsync();
        var other = Path.Combine(_folder, "other.tar");
        await RewriteAsync(other, (name, bytes) => name switch
        {
            "local/node01.tar.zst" => "files of somebody"u8.ToArray(),
            "SHA256SUMS" => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace(Sum("files of node01"), Sum("files of somebody"), StringComparison.Ordinal)),
            _ => bytes,
        });
        Assert.Contains("the signature is not the site's", (await Assert.ThrowsAsync<FailureException>(() => BackupFile.ReadAsync(other))).Message, StringComparison.Ordinal);

        await RewriteAsync(other, (name, bytes) => name == "backup.json" ? Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal)) : bytes);
        Assert.Contains("a newer release wrote the backup: it has format 2, and this release knows them up to format 1", (await Assert.ThrowsAsync<FailureException>(() => BackupFile.ReadAsync(other))).Message, StringComparison.Ordinal);

        await RewriteAsync(other, (name, bytes) => name == "group.vg" ? null : bytes);
        Assert.Contains("group.vg is missing", (await Assert.ThrowsAsync<FailureException>(() => BackupFile.ReadAsync(other))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_backup_is_refused()
    {
        Gen.Byte.Array[0, 5000].Sample(bytes =>
        {
            var file = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
            File.WriteAllBytes(file, bytes);
            Assert.IsType<FailureException>(Record(() => BackupFile.ReadAsync(file)));
        }, iter: 100);
        Assert.Contains("cannot be read", (await Assert.ThrowsAsync<FailureException>(() => BackupFile.ReadAsync(Path.Combine(_folder, "none")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_breaks_off_leaves_no_backup_and_one_that_exists_is_not_touched()
    {
        var (state, info, text) = Parts();
        var failed = await Assert.ThrowsAsync<FailureException>(() => BackupFile.WriteAsync(Path_, info, state, text, (node, _) => Task.FromResult<Stream>(node == "node01" ? new MemoryStream("x"u8.ToArray()) : new BrokenStream())));
        Assert.Contains("was not made: the node went away", failed.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));

        await File.WriteAllTextAsync(Path_, "mine");
        await Assert.ThrowsAsync<FailureException>(() => BackupFile.WriteAsync(Path_, info, state, text, (_, _) => Task.FromResult<Stream>(new MemoryStream())));
        Assert.Equal("mine", await File.ReadAllTextAsync(Path_));
    }

    [Fact]
    public async Task A_backup_fits_only_an_empty_and_large_enough_LUN_of_its_own_site()
    {
        await MakeAsync();
        var backup = await BackupFile.ReadAsync(Path_);
        var enough = SiteRestore.Required(backup, _site, Image);
        string? Obstacle(SanContent? content = null, Site? site = null, ByteSize? size = null, params string[] alive) => SiteRestore.Obstacle(backup, site ?? _site, Image, content ?? new SanContent.Blank(), size ?? enough, alive);
        SanContent.Ours Journal(Guid site, string name) => new(new Journal { Site = name, SiteId = site, Image = Image.Image, RootDigest = Image.RootDigest, Step = InstallStep.Done, Holder = "node01" }, false);

        Assert.Null(Obstacle());
        Assert.StartsWith("the LUN carries site 'payroll' (00000000-0000-0000-0000-000000000000), and the backup is of site 'blade16' (1111", Obstacle(Journal(Guid.Empty, "payroll")), StringComparison.Ordinal);
        Assert.StartsWith("the LUN carries site 'blade16' (00000000", Obstacle(Journal(Guid.Empty, "blade16")), StringComparison.Ordinal);
        Assert.StartsWith("the LUN carries site 'blade16' itself", Obstacle(Journal(SiteId, "blade16")), StringComparison.Ordinal);
        Assert.StartsWith("the LUN is not empty: it carries ext4 'payroll'", Obstacle(new SanContent.Foreign("ext4 'payroll'")), StringComparison.Ordinal);
        Assert.StartsWith("the site file describes site 'blade17'", Obstacle(site: Load("blade17")), StringComparison.Ordinal);
        Assert.StartsWith("site.yaml: volumes: the site had root 4GiB", Obstacle(site: _site with { Volumes = _site.Volumes with { Root = ByteSize.FromGiB(5) } }), StringComparison.Ordinal);
        Assert.StartsWith("site.yaml: nodes: node02 is in the backup", Obstacle(site: _site with { Nodes = [_site.Nodes[0]] }), StringComparison.Ordinal);
        Assert.StartsWith("node02 of the site answer", Obstacle(alive: "node02"), StringComparison.Ordinal);
        Assert.StartsWith($"the LUN has {new ByteSize(enough.Bytes - 1).ToRoundedString()}, and the site needs {enough.ToRoundedString()}", Obstacle(size: new ByteSize(enough.Bytes - 1)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_restored_group_has_every_local_volume_in_its_size_and_the_installation_adds_the_rest()
    {
        await MakeAsync();
        var backup = await BackupFile.ReadAsync(Path_);
        var restored = SiteRestore.Locals(Empty, backup);
        Assert.Equal(["node01_local", "node02_local"], restored.Volumes.Select(v => v.Name));
        Assert.All(restored.Volumes, v => Assert.Equal(ByteSize.FromMiB(512).Bytes, restored.SizeOf(v)));
        Assert.Equal(NodeVolumes.AddNodes(Empty, ["node01", "node02"], _site.Volumes).Volumes.Select(v => v.Name).Order(),
            NodeVolumes.AddNodes(restored, ["node01", "node02"], _site.Volumes).Volumes.Select(v => v.Name).Order());
    }

    [Fact]
    public async Task The_group_s_metadata_are_in_it_word_for_word_and_fit_the_site_until_it_gets_more()
    {
        await MakeAsync();
        var backup = await BackupFile.ReadAsync(Path_);
        var manifest = backup.Manifest;
        Assert.Equal(VolumeGroupWriter.Write(backup.Group), backup.GroupText);
        var plan = new RepairPlan("damage", "the backup", backup.GroupText, NodeVolumes.AddImage(backup.Group, Image));
        Assert.Null(plan.Missing(manifest));
        Assert.Equal("debian-13_2026.11.23-1", (plan with { Group = backup.Group }).Missing(manifest));
        Assert.Equal("debian-13_2", plan.Missing(manifest.WithImage(ImageVersion.Parse("debian-13@2"), "d2")));
        Assert.Equal("shared", plan.Missing(manifest with { Volumes = manifest.Volumes with { Shared = ByteSize.FromGiB(1) } }));
        Assert.Equal("node02_meta", (plan with { Group = plan.Group.Remove("node02_meta") }).Missing(manifest));
    }

    [Fact]
    public async Task The_files_of_a_volume_come_back_with_owners_links_holes_and_attributes_but_without_what_is_left_out()
    {
        var (from, to) = (Directory.CreateDirectory(Path.Combine(_folder, "from")).FullName, Directory.CreateDirectory(Path.Combine(_folder, "to")).FullName);
        const string make = "mkdir -p virtualinux ssh etcd/virtualinux; echo r > virtualinux/root.json; echo k > ssh/key; chmod 600 ssh/key; chown 1234:4321 ssh/key; ln ssh/key ssh/same; ln -s key ssh/link; echo e > etcd/virtualinux/x; truncate -s 10M etcd/holes; mkfifo etcd/pipe; setfattr -n user.a -v b ssh/key 2>/dev/null || true";
        await _runner.RunAsync(ExternalCommand.Of("sh", "-ec", make).WithWorkingDirectory(from));
        await using (var archive = VolumeArchive.Open(_runner, from)) await VolumeArchive.ExtractAsync(_runner, archive, to, "virtualinux");
        Assert.False(Path.Exists(Path.Combine(to, "virtualinux")));
        Directory.Delete(Path.Combine(from, "virtualinux"), recursive: true);
        const string list = "find . -printf '%P %y %m %U:%G %n %s %l\\n' | sort; sha256sum ssh/* etcd/virtualinux/x; getfattr -R -d . 2>/dev/null || true";
        Assert.Equal((await _runner.RunAsync(ExternalCommand.Of("sh", "-ec", list).WithWorkingDirectory(from))).Output, (await _runner.RunAsync(ExternalCommand.Of("sh", "-ec", list).WithWorkingDirectory(to))).Output);
        await using var missing = VolumeArchive.Open(_runner, Path.Combine(_folder, "none"));
        await Assert.ThrowsAsync<ExternalCommandException>(() => missing.CopyToAsync(Stream.Null));
    }

    [Fact]
    public async Task While_a_backup_is_made_others_change_the_volume_group_and_nobody_uses_the_volume_that_is_read()
    {
        var (disk, own) = await StartedAsync();
        var changes = 0;
        await MakeAsync(disk, own, async () =>
        {
            await using (await SanLease.TakeAsync(disk, new ReservationKey(_site.Nodes[1].Ip!.Value, 9), "node03", TimeSpan.Zero)) changes++;
        }, async () => Assert.Contains("a backup on 192.168.77.11 reads", (await Assert.ThrowsAsync<FailureException>(() => new Exclusion(disk).RefuseBorrowedAsync(_ => true))).Message, StringComparison.Ordinal));
        Assert.True(changes > 2);
        await new Exclusion(disk).RefuseBorrowedAsync(_ => true);
        Assert.Equal(["node02"], (await BackupFile.ReadAsync(Path_)).Info.Off);
    }

    [Fact]
    public async Task A_node_that_starts_while_its_volume_is_read_leaves_no_backup()
    {
        var (disk, own) = await StartedAsync();
        var failed = await Assert.ThrowsAsync<FailureException>(() => MakeAsync(disk, own, () => Task.CompletedTask, () => new Exclusion(disk).EnterAsync("node02", _site.Nodes[1].Ip!.Value, reserves: true)));
        Assert.Contains("node02 started while its volume was read", failed.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        await new Exclusion(disk).RefuseBorrowedAsync(_ => true);
    }

    private async Task<(MemoryDisk Disk, ReservationKey Own)> StartedAsync()
    {
        var disk = new MemoryDisk();
        return (disk, (await new Exclusion(disk).EnterAsync("node01", _site.Nodes[0].Ip!.Value, reserves: true))!.Value);
    }

    /// <summary>A backup in which node02 is off.</summary>
    /// <param name="disk">The LUN.</param>
    /// <param name="own">The key of node01, which makes it.</param>
    /// <param name="reading">Done whenever something of a node is read.</param>
    /// <param name="readingOff">Done when what node02 left is read.</param>
    private async Task MakeAsync(MemoryDisk disk, ReservationKey own, Func<Task> reading, Func<Task> readingOff)
    {
        var (state, info, text) = Parts();
        async Task AloneAsync(Func<Task> work, CancellationToken cancellationToken)
        {
            await using var lease = await SanLease.TakeAsync(disk, own, "node01", TimeSpan.Zero, cancellationToken: cancellationToken);
            await work();
        }
        async Task ReadingOffAsync()
        {
            await reading();
            await readingOff();
        }
        var volumes = new OffVolumes(new Exclusion(disk), own, AloneAsync, (node, _) => Task.FromResult<Stream>(new WatchedStream(node.Name, ReadingOffAsync)), () => Task.CompletedTask);
        await SiteBackup.WriteAsync(Path_, info, state, text, volumes, async (name, end) => name == "node02" ? await volumes.OpenAsync(ManifestNode.From(_site.Nodes[1]), end) : new WatchedStream(name, reading), CancellationToken.None);
    }

    private static VolumeGroup Empty => new() { Name = LvmTools.GroupName, Id = "VGID", Sequence = 1, ExtentSectors = 8192, PhysicalVolumes = [new PhysicalVolume("pv0", "PVID", 2048, 10_000)], Volumes = [] };

    [Fact]
    public async Task A_file_is_known_to_lie_in_what_is_packed_whatever_the_way_to_it()
    {
        var runner = new CommandRunner();
        var link = Path.Combine("/dev/shm", Path.GetFileName(_folder));
        Directory.CreateSymbolicLink(link, _folder);
        try
        {
            Assert.True(await VolumeArchive.HoldsAsync(runner, _folder, Path_));
            Assert.True(await VolumeArchive.HoldsAsync(runner, _folder, Path.Combine(link, "site.tar")));
            Assert.False(await VolumeArchive.HoldsAsync(runner, _folder, "/dev/shm/site.tar"));
            Assert.False(await VolumeArchive.HoldsAsync(runner, _folder, Path.Combine(_folder, "nowhere", "site.tar")));
        }
        finally
        {
            File.Delete(link);
        }
    }

    private async Task<SanState> MakeAsync()
    {
        var (state, info, text) = Parts();
        await BackupFile.WriteAsync(Path_, info, state, text, (node, _) => Task.FromResult<Stream>(new MemoryStream(Encoding.UTF8.GetBytes($"files of {node}"))));
        return state;
    }

    private (SanState State, BackupInfo Info, string Group) Parts()
    {
        using var identity = SiteIdentity.Create("blade16", SiteId);
        var manifest = Manifest.Compile(_site, SiteId, 7, Image.Image, Image.RootDigest);
        var state = new SanState { SignedManifest = SignedManifest.Sign(manifest, identity.Key), CaCertificate = identity.Certificate.ToPem(), CaKey = identity.KeyToPem(), Images = [Image] };
        var group = NodeVolumes.AddNodes(Empty, ["node01", "node02"], _site.Volumes);
        return (state, new BackupInfo(1, "blade16", SiteId, 7, DateTimeOffset.UnixEpoch, ["node01", "node02"], ["node02"]), VolumeGroupWriter.Write(group));
    }

    /// <summary>Offsets of all bytes that are contents of an entry, and not padding or what tar notes about it.</summary>
    private static List<int> Sectors(byte[] archive)
    {
        var offsets = new List<int>();
        using var tar = new TarReader(new MemoryStream(archive));
        while (tar.GetNextEntry(copyData: true) is { } entry)
        {
            using var content = new MemoryStream();
            entry.DataStream!.CopyTo(content);
            var at = archive.AsSpan().IndexOf(content.ToArray());
            offsets.AddRange(Enumerable.Range(at, (int)content.Length));
        }
        return offsets;
    }

    private async Task RewriteAsync(string path, Func<string, byte[], byte[]?> change)
    {
        await using var tar = new TarWriter(File.Create(path));
        await using var source = new TarReader(File.OpenRead(Path_));
        while (await source.GetNextEntryAsync(copyData: true) is { } entry)
        {
            using var content = new MemoryStream();
            await entry.DataStream!.CopyToAsync(content);
            if (change(entry.Name, content.ToArray()) is { } bytes) await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, entry.Name) { DataStream = new MemoryStream(bytes) });
        }
    }

    private static string Sum(string text) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static Exception? Record(Func<Task> work) => Xunit.Record.ExceptionAsync(work).AsTask().GetAwaiter().GetResult();

    private static Site Load(string name)
    {
        var (site, errors) = SiteFile.Load("site.yaml", $$"""
            version: 1
            name: {{name}}
            image: debian-13
            networks:
              cluster: { subnet: 192.168.77.0/24 }
            san: { portals: [ "192.168.77.1:3260" ], target: "iqn.2026-11.org.virtualinux:san" }
            access:
              - { user: admin, sshKeys: [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl admin" ] }
            volumes: { root: 4GiB, local: 512MiB }
            nodes:
              - { name: node01, mac: "52:54:00:77:00:01", ip: 192.168.77.11, slot: 1 }
              - { name: node02, mac: "52:54:00:77:00:02", ip: 192.168.77.12, slot: 2 }

            """);
        Assert.Empty(errors);
        return site!;
    }

    private sealed class WatchedStream(string node, Func<Task> reading) : MemoryStream(Encoding.UTF8.GetBytes($"files of {node}"))
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await reading();
            return await base.ReadAsync(buffer, cancellationToken);
        }
    }

    private sealed class BrokenStream : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => throw new IOException("the node went away");

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("the node went away");

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

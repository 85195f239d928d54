namespace VirtuaLinux.Host.Tests;

public sealed class MemoryLockTests
{
    [Fact]
    public void What_lies_in_memory_of_files_is_kept_and_what_the_runtime_only_reserves_is_not()
    {
        string[] maps =
        [
            "55d0c8a00000-55d0c8a21000 r-xp 00001000 fd:00 1234                       /usr/bin/virtualinux",
            "55d0c8a21000-55d0c8a22000 ---p 00001000 fd:00 1234                       /usr/bin/virtualinux",
            "7f0000000000-7f4000000000 ---p 00000000 00:00 0 ",
            "7f5000000000-7f5000010000 rw-s 00000000 00:01 9                          /memfd:doublemapper (deleted)",
            "7ffc0e5d1000-7ffc0e5f2000 rw-p 00000000 00:00 0                          [stack]",
        ];
        Assert.Equal((0x55d0c8a00000UL, 0x55d0c8a21000UL), Assert.Single(MemoryLock.Files(maps).Select(f => ((ulong)f.Start, (ulong)f.End))));
        Assert.NotEmpty(MemoryLock.Files(File.ReadLines("/proc/self/maps")));
    }
}

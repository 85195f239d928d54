namespace VirtuaLinux.Lab;

/// <summary>A kernel that a blade starts without firmware's search, as QEMU's <c>-kernel</c> does (QEMU, Direct Linux Boot).</summary>
/// <param name="Kernel">The kernel's file.</param>
/// <param name="Initrd">The initrd's file; several archives may follow each other in it.</param>
/// <param name="Arguments">The kernel's command line.</param>
public sealed record DirectBoot(string Kernel, string Initrd, string Arguments);

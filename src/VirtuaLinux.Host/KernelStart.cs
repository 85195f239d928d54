using System.Runtime.InteropServices;
using System.Text;

namespace VirtuaLinux.Host;

/// <summary>Starts another kernel from this one, without the firmware.</summary>
public static class KernelStart
{
    // linux/reboot.h
    private const int RebootKexec = 0x45584543;

    /// <summary>Loads a kernel and starts it at once: nothing is unmounted or flushed. Under Secure Boot the kernel checks its signature (kexec_file_load(2)).</summary>
    /// <param name="kernel">Path of the kernel.</param>
    /// <param name="initrd">Path of its initrd.</param>
    /// <param name="arguments">Its command line.</param>
    /// <exception cref="FailureException">This kernel refuses; nothing has happened.</exception>
    public static void Now(string kernel, string initrd, string arguments)
    {
        // asm/unistd_64.h; asm-generic/unistd.h
        var number = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 320 : 294;
        using var image = File.OpenHandle(kernel);
        using var archive = File.OpenHandle(initrd);
        if (NativeMethods.LoadKernel(number, image.DangerousGetHandle(), archive.DangerousGetHandle(), (nuint)Encoding.UTF8.GetByteCount(arguments) + 1, arguments, 0) != 0 || NativeMethods.Reboot(RebootKexec) != 0)
            throw new FailureException($"the kernel {kernel} cannot be started from this one: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}

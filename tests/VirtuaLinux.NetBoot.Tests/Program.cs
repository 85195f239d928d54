using VirtuaLinux.NetBoot.Tests;

// The tests, or with 'boot-server' as first argument a boot server, or with 'fuzz' what afl-fuzz(8) runs: sockets belong to the namespace of the process,
// so what is tested in a namespace runs as a process of its own.
if (args is ["boot-server", .. var rest]) return await BootServerProgram.RunAsync(rest);
if (args is ["find-dhcp", var card, var mac])
{
    var servers = await VirtuaLinux.NetBoot.Dhcp.DhcpProbe.FindServersAsync(card, VirtuaLinux.Model.MacAddress.Parse(mac), TimeSpan.FromSeconds(4));
    Console.WriteLine(string.Join(' ', servers));
    return 0;
}
if (args is ["fuzz", var codec])
{
    SharpFuzz.Fuzzer.OutOfProcess.Run(stream =>
    {
        using var input = new MemoryStream();
        stream.CopyTo(input);
        FuzzTargets.All[codec](input.ToArray());
    });
    return 0;
}
return args.Any(a => a is "--server" or "--internal-msbuild-node")
    ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
    : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);

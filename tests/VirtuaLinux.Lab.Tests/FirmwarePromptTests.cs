namespace VirtuaLinux.Lab.Tests;

public sealed class FirmwarePromptTests
{
    [Theory]
    [InlineData("\u001b[06;01H\u001b[1m\u001b[33m\u001b[40mShell> \u001b[0m\u001b[37m\u001b[40m", true)]
    [InlineData("BdsDxe: No bootable option or device was found.\r\nBdsDxe: Press any key to enter the Boot Manager Menu.\r\n", true)]
    [InlineData(">>Start HTTP Boot over IPv6.\u001b[2J", true)]
    [InlineData(">>Start HTTP Boot over IPv4.\r\n", false)]
    [InlineData("Shell> reset\r\n>>Start PXE over IPv4.", false)]
    [InlineData("node02 login: ", false)]
    public void Firmware_that_gave_up_is_told_by_its_prompt(string console, bool gaveUp) =>
        Assert.Equal(gaveUp, Blade.StandsAtPrompt(ConsoleText.Clean(System.Text.Encoding.UTF8.GetBytes(console))));
}

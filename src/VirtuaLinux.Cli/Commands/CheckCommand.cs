using System.CommandLine;
using VirtuaLinux.Images.Definitions;

namespace VirtuaLinux.Cli.Commands;

internal static class CheckCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "site, image or distribution files: site.yaml, images/NAME.yaml, overlays/NAME/distribution.yaml", Arity = ArgumentArity.OneOrMore };
        var command = new Command("check", "Validate site, image and distribution files and explain what is wrong.") { files };
        command.SetAction(parsed =>
        {
            // Each file is looked at, whatever the one before it was like.
            var valid = parsed.GetValue(files)!.Select(IsValid).ToList();
            return valid.TrueForAll(v => v) ? ExitCode.Done : ExitCode.WrongUsage;
        });
        return command;
    }

    private static bool IsValid(string file)
    {
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{file}: {e.Message.TrimEnd('.')}; name a file that can be read");
            return false;
        }
        var (description, errors) = FileCheck.Run(file, text);
        foreach (var error in errors) Console.Error.WriteLine(error);
        if (description is not null) Console.WriteLine($"{file}: {description} is valid");
        return description is not null;
    }
}

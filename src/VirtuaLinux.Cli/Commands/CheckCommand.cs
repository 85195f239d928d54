using System.CommandLine;
using VirtuaLinux.Model;

namespace VirtuaLinux.Cli.Commands;

internal static class CheckCommand
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "site files", Arity = ArgumentArity.OneOrMore };
        var command = new Command("check", "Validate site files and explain what is wrong.") { files };
        command.SetAction(parsed =>
        {
            var wrong = 0;
            foreach (var file in parsed.GetValue(files)!)
                if (SiteInput.Load(file, SiteParts.None) is { } site) Console.WriteLine($"{file}: site '{site.Name}' with {site.Nodes.Count} nodes is valid");
                else wrong++;
            return wrong == 0 ? ExitCode.Done : ExitCode.WrongUsage;
        });
        return command;
    }
}

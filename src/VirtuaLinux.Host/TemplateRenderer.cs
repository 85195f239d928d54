using Scriban;
using Scriban.Runtime;
using Scriban.Syntax;

namespace VirtuaLinux.Host;

/// <summary>Renders Scriban templates (<c>*.sbn</c>) from plain values: text, numbers, booleans, lists and dictionaries.</summary>
public static class TemplateRenderer
{
    /// <summary>Renders <paramref name="text"/>; a variable that is not given is an error, so that no half-filled file is written.</summary>
    /// <param name="name">Name for messages, usually the template's path.</param>
    /// <param name="text">The template.</param>
    /// <param name="model">Values by name; nested dictionaries (of text to object) and sequences are allowed.</param>
    /// <exception cref="FailureException">A syntax error or an unknown variable, with file and line.</exception>
    public static string Render(string name, string text, IReadOnlyDictionary<string, object?> model)
    {
        var template = Template.Parse(text, name);
        if (template.HasErrors) throw new FailureException(string.Join("\n", template.Messages.Select(m => m.ToString())));
        var context = new TemplateContext { StrictVariables = true, NewLine = "\n" };
        context.PushGlobal((ScriptObject)ToScript(model)!);
        try
        {
            return template.Render(context);
        }
        catch (ScriptRuntimeException e)
        {
            throw new FailureException(e.Message, e);
        }
    }

    private static object? ToScript(object? value) => value switch
    {
        string s => s,
        IReadOnlyDictionary<string, object?> map => ToObject(map),
        System.Collections.IEnumerable list => new ScriptArray(list.Cast<object?>().Select(ToScript)),
        _ => value,
    };

    private static ScriptObject ToObject(IReadOnlyDictionary<string, object?> map)
    {
        var script = new ScriptObject();
        foreach (var (key, value) in map) script.SetValue(key, ToScript(value), readOnly: true);
        return script;
    }
}

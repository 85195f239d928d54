using System.Collections;
using Scriban;
using Scriban.Parsing;
using Scriban.Runtime;
using Scriban.Syntax;

namespace VirtuaLinux.Host;

/// <summary>Renders Scriban templates (<c>*.sbn</c>) from plain values: text, numbers, booleans, lists and dictionaries. Other values render as their text.</summary>
public static class TemplateRenderer
{
    /// <summary>Renders <paramref name="text"/>; a variable or member that is not given is an error, so that no half-filled file is written.</summary>
    /// <param name="name">Name for messages, usually the template's path.</param>
    /// <param name="text">The template.</param>
    /// <param name="model">Values by name; nested dictionaries (of text to object) and sequences are allowed. A null value is "given, but nothing".</param>
    /// <exception cref="FailureException">A syntax error or an unknown variable, as <c>file:line: what</c>.</exception>
    public static string Render(string name, string text, IReadOnlyDictionary<string, object?> model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var template = Template.Parse(text, name);
        if (template.HasErrors) throw new FailureException(string.Join('\n', template.Messages.Where(m => m.Type == ParserMessageType.Error).Select(m => At(name, m.Span, m.Message))));
        var context = new TemplateContext
        {
            StrictVariables = true,
            EnableRelaxedMemberAccess = false,
            EnableRelaxedIndexerAccess = false,
            NewLine = "\n",
            // Templates are the product's own, and sites may have thousands of nodes: Scriban's limits (1,000 turns, 1 MiB) are for strangers' templates.
            LoopLimit = 0,
            LimitToString = 0,
        };
        context.PushGlobal(ToObject(model.Select(m => (m.Key, m.Value))));
        try
        {
            return template.Render(context);
        }
        catch (ScriptRuntimeException e)
        {
            throw new FailureException(At(name, e.Span, e.OriginalMessage), e);
        }
    }

    private static string At(string name, SourceSpan span, string message) => $"{name}:{span.Start.Line + 1}: {message}";

    private static object? ToScript(object? value) => value switch
    {
        null or string or bool or int or long or double => value,
        IReadOnlyDictionary<string, object?> map => ToObject(map.Select(m => (m.Key, m.Value))),
        IDictionary map => ToObject(map.Keys.Cast<object>().Select(k => (k.ToString()!, map[k]))),
        IEnumerable list => new ScriptArray(list.Cast<object?>().Select(ToScript)),
        _ => value.ToString(),
    };

    private static ScriptObject ToObject(IEnumerable<(string Key, object? Value)> members)
    {
        var script = new ScriptObject();
        foreach (var (key, value) in members) script.SetValue(key, ToScript(value), readOnly: true);
        return script;
    }
}

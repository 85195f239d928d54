using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>Writes a value as its text form and reads it back, so that JSON and YAML carry what people write.</summary>
public sealed class ParsableJsonConverter<T> : JsonConverter<T>, IParsableJsonConverter where T : struct, IParsable<T>
{
    Type IParsableJsonConverter.ValueType => typeof(T);

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString() : Encoding.UTF8.GetString(reader.ValueSpan);
        try
        {
            return T.Parse(text ?? "", CultureInfo.InvariantCulture);
        }
        catch (FormatException e)
        {
            throw new JsonException(e.Message);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.ToString());
    }

    string? IParsableJsonConverter.Complaint(string text)
    {
        if (T.TryParse(text, CultureInfo.InvariantCulture, out _)) return null;
        try
        {
            T.Parse(text, CultureInfo.InvariantCulture);
            return $"'{text}' is not valid";
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }
}

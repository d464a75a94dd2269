using System.Buffers;
using System.Collections;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Orchestrator.Cli.Output;

/// <summary>
/// Messages as the JSON that scripts rely on. Unlike proto's own JSON mapping: 64-bit integers are numbers, default values are written, map keys
/// are sorted. Unset messages and unset optional fields are absent; <c>Struct</c> and <c>Value</c> are plain JSON.
/// </summary>
public static class ProtoJson
{
    private const double LargestExactInteger = 1L << 53;

    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonWriterOptions Indented = Compact with { Indented = true };

    /// <summary>On one line.</summary>
    public static string Line(IMessage message) => Render(Compact, writer => Write(writer, message));

    /// <summary>Indented.</summary>
    public static string Text(IMessage message) => Render(Indented, writer => Write(writer, message));

    /// <summary>A bare array, indented.</summary>
    public static string Text(IEnumerable<IMessage> messages) => Render(Indented, writer =>
    {
        writer.WriteStartArray();
        foreach (var message in messages)
        {
            Write(writer, message);
        }

        writer.WriteEndArray();
    });

    private static string Render(JsonWriterOptions options, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, options))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, IMessage message)
    {
        switch (message)
        {
            case Struct fields:
                writer.WriteStartObject();
                foreach (var (name, value) in fields.Fields.OrderBy(field => field.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(name);
                    Write(writer, value);
                }

                writer.WriteEndObject();
                return;
            case ListValue list:
                writer.WriteStartArray();
                foreach (var value in list.Values)
                {
                    Write(writer, value);
                }

                writer.WriteEndArray();
                return;
            case Value value:
                WriteValue(writer, value);
                return;
        }

        writer.WriteStartObject();
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            WriteField(writer, message, field);
        }

        writer.WriteEndObject();
    }

    private static void WriteField(Utf8JsonWriter writer, IMessage message, FieldDescriptor field)
    {
        var value = field.Accessor.GetValue(message);
        if (field.IsMap)
        {
            writer.WriteStartObject(field.JsonName);
            var valueField = field.MessageType.FindFieldByNumber(2);
            var map = (IDictionary)value;
            foreach (var key in map.Keys.Cast<object>().OrderBy(key => key.ToString(), StringComparer.Ordinal))
            {
                writer.WritePropertyName(key.ToString()!);
                WriteScalar(writer, valueField, map[key]!);
            }

            writer.WriteEndObject();
        }
        else if (field.IsRepeated)
        {
            writer.WriteStartArray(field.JsonName);
            foreach (var item in (IList)value)
            {
                WriteScalar(writer, field, item!);
            }

            writer.WriteEndArray();
        }
        else if (!field.HasPresence || field.Accessor.HasValue(message))
        {
            writer.WritePropertyName(field.JsonName);
            WriteScalar(writer, field, value);
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, FieldDescriptor field, object value)
    {
        switch (value)
        {
            case IMessage message:
                Write(writer, message);
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            case double number:
                WriteNumber(writer, number);
                break;
            case float number:
                WriteNumber(writer, number);
                break;
            case ByteString bytes:
                writer.WriteBase64StringValue(bytes.Span);
                break;
            case ulong number:
                writer.WriteNumberValue(number);
                break;
            default:
                if (field.FieldType == FieldType.Enum)
                {
                    writer.WriteStringValue(field.EnumType.FindValueByNumber((int)value)?.Name ?? ((int)value).ToString());
                }
                else
                {
                    writer.WriteNumberValue(Convert.ToInt64(value));
                }

                break;
        }
    }

    private static void WriteValue(Utf8JsonWriter writer, Value value)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.BoolValue:
                writer.WriteBooleanValue(value.BoolValue);
                break;
            case Value.KindOneofCase.NumberValue:
                WriteNumber(writer, value.NumberValue);
                break;
            case Value.KindOneofCase.StringValue:
                writer.WriteStringValue(value.StringValue);
                break;
            case Value.KindOneofCase.StructValue:
                Write(writer, value.StructValue);
                break;
            case Value.KindOneofCase.ListValue:
                Write(writer, value.ListValue);
                break;
            case Value.KindOneofCase.None:
            case Value.KindOneofCase.NullValue:
                writer.WriteNullValue();
                break;
        }
    }

    // JSON has no word for the numbers that are none: the proto mapping's texts stand for them.
    private static void WriteNumber(Utf8JsonWriter writer, double number)
    {
        if (!double.IsFinite(number))
        {
            writer.WriteStringValue(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
        }
        else if (double.IsInteger(number) && Math.Abs(number) <= LargestExactInteger)
        {
            writer.WriteNumberValue((long)number);
        }
        else
        {
            writer.WriteNumberValue(number);
        }
    }
}

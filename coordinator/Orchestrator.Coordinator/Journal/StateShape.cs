using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.Coordinator.Journal;

/// <summary>A fingerprint of what a state is made of, so that a snapshot written by another version of the program is not read as this one's.</summary>
public static class StateShape
{
    /// <summary>16 hexadecimal digits of the SHA-256 of the names and types of all properties that can be reached from the type.</summary>
    public static string Of(Type state)
    {
        var text = new StringBuilder();
        Describe(state, text, []);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }

    private static void Describe(Type type, StringBuilder text, HashSet<Type> seen)
    {
        if (!seen.Add(type))
        {
            return;
        }

        foreach (var argument in type.IsArray ? [type.GetElementType()!] : type.GetGenericArguments())
        {
            Describe(argument, text, seen);
        }

        if (type.Namespace is null || type.Namespace == "System" || type.Namespace.StartsWith("System.", StringComparison.Ordinal))
        {
            return;
        }

        if (type.IsEnum)
        {
            text.Append(type.Name).Append('=').AppendJoin(',', Enum.GetNames(type)).Append(';');
            return;
        }

        foreach (var nested in type.IsAbstract ? JournalJson.CasesOf(type).OrderBy(nested => nested.Name, StringComparer.Ordinal) : Enumerable.Empty<Type>())
        {
            Describe(nested, text, seen);
        }

        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(property => property.Name, StringComparer.Ordinal))
        {
            text.Append(type.Name).Append('.').Append(property.Name).Append(':').Append(NameOf(property.PropertyType)).Append(';');
            Describe(property.PropertyType, text, seen);
        }
    }

    /// <summary>Without assembly versions, which change with every runtime.</summary>
    private static string NameOf(Type type) =>
        type.IsGenericType ? $"{type.Name}[{string.Join(',', type.GetGenericArguments().Select(NameOf))}]" : type.Name;
}

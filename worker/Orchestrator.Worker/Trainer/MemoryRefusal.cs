using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Orchestrator.Worker.Agent.Trainers;

namespace Orchestrator.Worker.Trainer;

/// <summary>An allocation that this machine, or a limit on it, has refused.</summary>
internal static partial class MemoryRefusal
{
    // libtorch has no type for it: its exceptions differ by their text alone.
    public static bool Is(Exception failure) => failure is OutOfMemoryException || (failure is ExternalException
        && (failure.Message.Contains("DefaultCPUAllocator", StringComparison.Ordinal)
            || failure.Message.Contains("bad_alloc", StringComparison.Ordinal)
            || failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Says how much was asked for, where that is known.</summary>
    public static string Line(Exception failure)
    {
        var first = failure.Message.Split('\n')[0].Trim();
        var asked = Asked.Match(failure.Message);
        return asked.Success && long.TryParse(asked.Groups["bytes"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            ? $"{ByteCount.Text(bytes)} more ({bytes} bytes) were asked for and this machine does not have them; make the model or the batch smaller, or give its workers more memory"
            : $"out of memory: {first}";
    }

    // "you tried to allocate 1234 bytes"
    [GeneratedRegex(@"tried to allocate (?<bytes>[0-9]+) bytes", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Asked { get; }
}

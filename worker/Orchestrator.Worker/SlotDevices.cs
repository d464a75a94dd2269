using System.CommandLine;
using System.Globalization;

namespace Orchestrator.Worker;

/// <summary>What <c>--device</c> says: a device a slot, in libtorch's names.</summary>
internal static class SlotDevices
{
    public const string Cpu = "cpu";

    /// <summary>For commands that train in one process.</summary>
    public static Option<string?> Option() => new("--device") { Description = "cpu, or cuda for this machine's first GPU." };

    /// <exception cref="CommandException">It is neither, or this machine has none.</exception>
    public static IReadOnlyList<string> Of(string device, int? slots) => (device, slots) switch
    {
        (_, < 1 or > 1024) => throw new CommandException(ExitCode.BadInput, $"--slots {slots} is not between 1 and 1024"),
        (Cpu, _) => [.. Enumerable.Repeat(Cpu, slots ?? 1)],
        ("cuda", _) => Cuda(slots),
        _ => throw new CommandException(ExitCode.BadInput, $"--device {device} is neither cpu nor cuda"),
    };

    /// <summary>The device of one process.</summary>
    /// <exception cref="CommandException">It is neither, or this machine has none.</exception>
    public static string One(string device) => Of(device, 1)[0];

    // Nothing here loads CUDA: an agent never does. Device files are what a container was given, the driver's own list what the machine has.
    public static int GpuCount() => Directory.EnumerateFiles("/dev", "nvidia*").Count(path => path.AsSpan("/dev/nvidia".Length) is { Length: > 0 } number && !number.ContainsAnyExceptInRange('0', '9'));

    /// <summary>Where there are more slots than GPUs, they share.</summary>
    private static IReadOnlyList<string> Cuda(int? slots)
    {
        var count = GpuCount();
        return count > 0
            ? [.. Enumerable.Range(0, slots ?? count).Select(slot => "cuda:" + (slot % count).ToString(CultureInfo.InvariantCulture))]
            : throw new CommandException(ExitCode.BadInput, "--device cuda: this machine has no NVIDIA GPU; mend its driver, or use --device cpu");
    }
}

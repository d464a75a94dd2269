using System.Runtime.InteropServices;

namespace Orchestrator.Collectives;

[Flags]
internal enum PollEvents : short
{
    None = 0,
    In = 0x001,
    Out = 0x004,
    Error = 0x008,
    HangUp = 0x010,

    /// <summary>The peer sends no more.</summary>
    ReadHangUp = 0x2000,
}

[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    /// <summary>Negative: skipped.</summary>
    public int File;
    public PollEvents Wanted;
    public PollEvents Happened;
}

/// <summary>poll(2): .NET's own way to wait for many sockets allocates on every call.</summary>
internal static unsafe partial class Native
{
    private const int Interrupted = 4;

    /// <summary>Waits until one of them is ready.</summary>
    /// <returns>False where <paramref name="milliseconds"/> passed before.</returns>
    public static bool Poll(Span<PollDescriptor> descriptors, int milliseconds)
    {
        fixed (PollDescriptor* first = descriptors)
        {
            var ready = SystemPoll(first, (nuint)descriptors.Length, milliseconds);
            if (ready < 0 && Marshal.GetLastPInvokeError() != Interrupted)
            {
                throw new IOException($"poll failed with error {Marshal.GetLastPInvokeError()}.");
            }

            return ready != 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int SystemPoll(PollDescriptor* descriptors, nuint count, int milliseconds);
}

using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Diagnostics.Runtime;

namespace Orchestrator.Worker.Stacks;

/// <summary>The managed frames of another process's threads, read by ptrace: it need not answer, and may be stopped.</summary>
internal static class ManagedFrames
{
    private const int MostThreads = 64;
    private const int MostFrames = 64;

    /// <summary>Stops the process while it reads. All of it on one thread, to which alone the kernel answers.</summary>
    /// <param name="line">A line a thread that has managed frames, the main thread first, and a line a frame, the innermost first; each as soon as it is there.</param>
    /// <exception cref="ClrDiagnosticsException">It may not be looked into, or has no runtime yet.</exception>
    public static void Read(int pid, Action<string> line)
    {
        using var target = DataTarget.AttachToProcess(pid, suspend: true);
        // It is this program too, and so its runtime is ours.
        var access = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libmscordaccore.so");
        using var runtime = (target.ClrVersions is [var clr, ..] ? clr : throw new ClrDiagnosticsException("its runtime has not started")).CreateRuntime(access, ignoreMismatch: true);
        foreach (var thread in runtime.Threads.Where(thread => thread.IsAlive && thread.OSThreadId != 0).OrderBy(thread => thread.OSThreadId).Take(MostThreads))
        {
            var frames = thread.EnumerateStackTrace().Select(frame => frame.Method?.Signature).OfType<string>().Take(MostFrames + 1).ToArray();
            if (frames.Length > 0)
            {
                line(string.Create(CultureInfo.InvariantCulture, $"thread {thread.OSThreadId}"));
            }

            foreach (var frame in frames.Take(MostFrames))
            {
                line($"  at {frame}");
            }

            if (frames.Length > MostFrames)
            {
                line("  and more");
            }
        }
    }
}

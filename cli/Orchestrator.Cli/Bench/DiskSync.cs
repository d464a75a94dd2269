using System.Diagnostics;

namespace Orchestrator.Cli.Bench;

/// <summary>What a disk can do: appends of a page, each made durable before the next.</summary>
internal static class DiskSync
{
    private const int PageBytes = 4096;

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(1);

    /// <returns>Durable appends per second.</returns>
    public static double Measure(string folder)
    {
        var path = Path.Combine(folder, "sync");
        try
        {
            using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            var page = new byte[PageBytes];
            var watch = Stopwatch.StartNew();
            var appends = 0;
            while (watch.Elapsed < Time)
            {
                file.Write(page);
                file.Flush(flushToDisk: true);
                appends++;
            }

            return appends / watch.Elapsed.TotalSeconds;
        }
        finally
        {
            File.Delete(path);
        }
    }
}

using System.Diagnostics;

namespace Orchestrator.Testing;

/// <summary>A real file system of a few megabytes, to be filled and freed by the test. Mounting needs root, as installing the test's servers does.</summary>
public sealed class SmallDisk : IDisposable
{
    private const int NoSpace = 28;

    private readonly TemporaryFolder _folder = new();

    private SmallDisk(int megabytes) => Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "orchestrator-test", _folder.Path);

    /// <exception cref="InvalidOperationException">It can't be mounted.</exception>
    public static SmallDisk Mount(int megabytes) => new(megabytes);

    public string Path => _folder.Path;

    /// <summary>The path of a file or folder on it.</summary>
    public string this[string name] => _folder[name];

    private string Filler => this["filler"];

    /// <summary>Takes every byte that is left, as often as it is called.</summary>
    public void Fill()
    {
        using var file = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[1 << 16];
        for (var size = block.Length; size > 0;)
        {
            try
            {
                file.Write(block, 0, size);
            }
            catch (IOException full) when ((full.HResult & 0xFFFF) == NoSpace)
            {
                size /= 2;
            }
        }
    }

    public void Free() => File.Delete(Filler);

    public void Dispose()
    {
        // Lazily: a process that was just killed may still hold a file.
        Run("umount", "--lazy", _folder.Path);
        _folder.Dispose();
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        var words = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {words.Trim()}");
        }
    }
}

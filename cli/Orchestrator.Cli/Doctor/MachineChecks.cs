using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Orchestrator.Cli.Hosting;
using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Doctor;

/// <summary>What this machine must have: looked at without starting anything.</summary>
public static class MachineChecks
{
    private const int NeededMajor = 10;

    private const long SharedMemoryNeeded = 256L * 1024 * 1024;

    private static readonly byte[] NeededSymbol = Encoding.ASCII.GetBytes("GLIBCXX_3.4.32");

    private static readonly string[] LibraryFolders = ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"];

    public static Check DotNet() => Environment.Version.Major >= NeededMajor
        ? Check.Ok("dotnet", $"{RuntimeInformation.FrameworkDescription} from {Programs.Dotnet}")
        : Check.Fail("dotnet", RuntimeInformation.FrameworkDescription, $"install the .NET {NeededMajor} SDK: https://dot.net");

    public static Check OperatingSystemAndProcessor()
    {
        var seen = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}";
        return OperatingSystem.IsWindows() ? Check.Fail("system", seen, "run it inside WSL2: `wsl --install`, then the same commands there")
            : OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 ? Check.Ok("system", seen)
            : Check.Fail("system", seen, "use Linux on x64; the native training library comes for no other here");
    }

    /// <summary>TorchSharp's library asks for a symbol version of GCC 13's libstdc++; the build mends its copy on older systems.</summary>
    public static Check StandardLibrary()
    {
        var library = LibraryFolders.Select(folder => Path.Combine(folder, "libstdc++.so.6")).FirstOrDefault(File.Exists);
        if (library is null)
        {
            return Check.Fail("libstdc++", "there is no libstdc++.so.6", "install it: `apt install libstdc++6`");
        }

        return File.ReadAllBytes(library).AsSpan().IndexOf(NeededSymbol) >= 0
            ? Check.Ok("libstdc++", $"{library} has GLIBCXX_3.4.32")
            : Check.Ok("libstdc++", $"{library} is older than GLIBCXX_3.4.32; the build has mended its own copy of the training library");
    }

    public static Check SharedMemory()
    {
        try
        {
            var drive = new DriveInfo("/dev/shm");
            var seen = $"{Output.Plain.Bytes(drive.AvailableFreeSpace)} free in /dev/shm";
            return drive.AvailableFreeSpace >= SharedMemoryNeeded
                ? Check.Ok("shared memory", seen)
                : Check.Warn("shared memory", seen, "give it more: `docker run --shm-size=1g`, or a memory-backed volume in Kubernetes");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Check.Warn("shared memory", $"/dev/shm can't be used: {exception.Message}", "mount a tmpfs there");
        }
    }

    public static Check DataFolder(Shell shell, string? named)
    {
        try
        {
            var folder = DataDirectory.Prepare(named ?? DataDirectory.Default(shell));
            var free = new DriveInfo(folder.Path).AvailableFreeSpace;
            // A look leaves nothing behind.
            folder.Forget();
            return Check.Ok("data directory", $"{folder.Path}, {Output.Plain.Bytes(free)} free");
        }
        catch (CliException exception)
        {
            return Check.Fail("data directory", exception.Message, "name a folder that this user may write to with --data-dir");
        }
    }

    /// <param name="answers">A coordinator was reached at that address.</param>
    public static Check Ports(Uri address, bool answers)
    {
        if (answers)
        {
            return Check.Ok("ports", $"a coordinator holds {address.Authority}");
        }

        if (!address.IsLoopback)
        {
            return Check.Ok("ports", $"{address.Authority} is another machine's");
        }

        int[] taken = [.. new[] { address.Port, address.Port + 1 }.Where(port => !IsFree(port))];
        return taken.Length == 0
            ? Check.Ok("ports", $"{address.Port} and {address.Port + 1} are free")
            : Check.Warn("ports", $"{string.Join(" and ", taken)} in use by another program", "choose another with `orch up --listen 127.0.0.1:PORT`");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentOutOfRangeException)
        {
            return false;
        }
    }
}

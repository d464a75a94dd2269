using System.Security.Cryptography;
using System.Text;

namespace Orchestrator.Worker.Agent;

/// <summary>An agent's folder: identity, spool, caches, logs and the folders of its tasks. One agent at a time.</summary>
internal sealed class AgentDirectory : IDisposable
{
    // sun_path holds 108 bytes, the closing zero included.
    private const int LongestSocketPath = 100;

    private readonly string root;
    private readonly FileStream hold;
    private readonly string socketFolder;

    private AgentDirectory(string root, FileStream hold)
    {
        this.root = root;
        this.hold = hold;
        AgentId = ReadOrDrawIdentity(Path.Combine(root, "agent-id"));
        // Nobody lives in them: trainers end with their agent.
        DeleteFolder(Tasks);
        Directory.CreateDirectory(Tasks);
        Directory.CreateDirectory(Logs);
        socketFolder = Path.Combine(root, "run");
        if (Encoding.UTF8.GetByteCount(SocketPath) > LongestSocketPath)
        {
            socketFolder = Path.Combine(Path.GetTempPath(), "orch-" + AgentId);
        }

        DeleteFolder(socketFolder);
        Directory.CreateDirectory(socketFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <exception cref="CommandException">Another agent holds it, or it can't be written.</exception>
    public static AgentDirectory Open(string root)
    {
        try
        {
            Directory.CreateDirectory(root);
            return new AgentDirectory(root, new FileStream(Path.Combine(root, "agent.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.BadInput, $"--data-dir {root} can't be used ({failure.Message.TrimEnd('.')}); end the agent that holds it, or give another one");
        }
    }

    public string AgentId { get; }

    public string SocketPath => Path.Combine(socketFolder, "trainers.sock");

    public string Spool => Path.Combine(root, "reports.spool");

    public string Cache => Path.Combine(root, "cache");

    public string Tasks => Path.Combine(root, "tasks");

    public string Logs => Path.Combine(root, "logs");

    public void Dispose()
    {
        DeleteFolder(socketFolder);
        DeleteFolder(Tasks);
        hold.Dispose();
    }

    /// <summary>Deletes a folder if it is there; what can't be deleted is left to the next start.</summary>
    public static void DeleteFolder(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Not there, or a dying trainer still writes: the next start clears it.
        }
    }

    private static string ReadOrDrawIdentity(string file)
    {
        if (File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } known)
        {
            return known;
        }

        var drawn = "agent-" + RandomNumberGenerator.GetHexString(8, lowercase: true);
        File.WriteAllText(file, drawn + "\n");
        return drawn;
    }
}

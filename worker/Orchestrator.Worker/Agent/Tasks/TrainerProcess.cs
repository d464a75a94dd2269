using System.Diagnostics;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>A trainer's process. It holds the read end of a pipe whose write end is ours alone: when we die, however, it ends.</summary>
internal sealed class TrainerProcess : IDisposable
{
    private const int TailLines = 40;

    private readonly Process process;
    private readonly Queue<string> tail = new();
    private readonly Lock gate = new();

    private TrainerProcess(Process process, Action<string> line)
    {
        this.process = process;
        Pid = process.Id;
        Exited = WaitAsync(
            LineSplitter.ReadAsync(process.StandardOutput.BaseStream, line, CancellationToken.None),
            LineSplitter.ReadAsync(process.StandardError.BaseStream, text => KeepAndPass(text, line), CancellationToken.None));
    }

    /// <param name="secret">Names it at the socket.</param>
    /// <param name="environment">On top of the agent's own.</param>
    /// <param name="spare">It makes itself warm before it asks what to do.</param>
    /// <param name="line">Called for each line of its standard output and error, from any thread.</param>
    public static TrainerProcess Start(string socket, string secret, IReadOnlyDictionary<string, string> environment, bool spare, Action<string> line)
    {
        var start = WorkerProgram.With("trainer", "--socket", socket);
        if (spare)
        {
            start.ArgumentList.Add("--spare");
        }

        start.Environment[TrainerEnvironment.Secret] = secret;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return new TrainerProcess(Process.Start(start)!, line);
    }

    public int Pid { get; }

    /// <summary>The exit code, 128 + signal where one ended it; comes when its last lines have been read.</summary>
    public Task<int> Exited { get; }

    /// <summary>The last lines of its standard error.</summary>
    public string Tail
    {
        get
        {
            lock (gate)
            {
                return string.Join('\n', tail);
            }
        }
    }

    /// <summary>SIGKILL: a frozen process takes no other.</summary>
    public void Kill()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    public void Dispose() => process.Dispose();

    private void KeepAndPass(string text, Action<string> line)
    {
        lock (gate)
        {
            if (tail.Count == TailLines)
            {
                tail.Dequeue();
            }

            tail.Enqueue(text);
        }

        line(text);
    }

    private async Task<int> WaitAsync(Task output, Task error)
    {
        await process.WaitForExitAsync();
        // A process that the workload left behind may hold the pipes open: its lines are not waited for.
        await Task.WhenAny(Task.WhenAll(output, error), Task.Delay(TimeSpan.FromSeconds(1)));
        return process.ExitCode;
    }
}

using System.Diagnostics;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>
/// A trainer's process, which may serve one task after another. It holds the read end of a pipe whose write end is ours alone: when we die, however, it ends.
/// </summary>
internal sealed class TrainerProcess : IDisposable
{
    private const int TailLines = 40;

    private readonly Process process;
    private readonly Queue<string> tail = new();
    private readonly Lock gate = new();
    private Action<string>? lines;
    private TaskCompletionSource silence = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int silent;

    private TrainerProcess(Process process, Action<string>? lines)
    {
        (this.process, this.lines) = (process, lines);
        Pid = process.Id;
        Exited = WaitAsync(
            LineSplitter.ReadAsync(process.StandardOutput.BaseStream, text => Pass(text, keeps: false), CancellationToken.None),
            LineSplitter.ReadAsync(process.StandardError.BaseStream, text => Pass(text, keeps: true), CancellationToken.None));
    }

    /// <param name="secret">Names it at the socket.</param>
    /// <param name="environment">On top of the agent's own.</param>
    /// <param name="spare">It makes itself warm before it asks what to do.</param>
    /// <param name="lines">Called for each line of its standard output and error, from any thread; null while it serves nobody.</param>
    public static TrainerProcess Start(string socket, string secret, IReadOnlyDictionary<string, string> environment, bool spare, Action<string>? lines)
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

        return new TrainerProcess(Process.Start(start)!, lines);
    }

    public int Pid { get; }

    /// <summary>It is gone, though its last lines may not have been read.</summary>
    public bool HasEnded => process.HasExited;

    /// <summary>The exit code, 128 + signal where one ended it; comes when its last lines have been read.</summary>
    public Task<int> Exited { get; }

    /// <summary>Completes when all the lines of its task have been read, with the process still there.</summary>
    public Task Silence
    {
        get
        {
            lock (gate)
            {
                return silence.Task;
            }
        }
    }

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

    /// <summary>From here on its lines are another task's.</summary>
    /// <param name="taker">Null while it rests.</param>
    public void Serve(Action<string>? taker)
    {
        lock (gate)
        {
            lines = taker;
            silence = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            silent = 0;
            if (taker is null)
            {
                tail.Clear();
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

    private void Pass(string text, bool keeps)
    {
        Action<string>? taker;
        lock (gate)
        {
            if (text == TrainerOutput.EndOfTask)
            {
                // Once on each stream.
                if (++silent == 2)
                {
                    silence.TrySetResult();
                }

                return;
            }

            if (keeps && tail.Count == TailLines)
            {
                tail.Dequeue();
            }

            if (keeps)
            {
                tail.Enqueue(text);
            }

            taker = lines;
        }

        taker?.Invoke(text);
    }

    private async Task<int> WaitAsync(Task output, Task error)
    {
        await process.WaitForExitAsync();
        // A process that the workload left behind may hold the pipes open: its lines are not waited for.
        await Task.WhenAny(Task.WhenAll(output, error), Task.Delay(TimeSpan.FromSeconds(1)));
        return process.ExitCode;
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.V1;

namespace Orchestrator.Worker.Trainer;

/// <summary>
/// <c>workload: command</c>: the run is a program of any kind. It prints a JSON object of its metrics for each epoch; every other line is a line of the run's log. What it keeps in
/// ORCH_DIRECTORY outlives a pause, and is there again when the run goes on.
/// </summary>
internal sealed class CommandRun(AgentLink link, TrainTask told, RunSpec spec, Serilog.ILogger log)
{
    /// <summary>Between SIGTERM and SIGKILL.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);

    private readonly string directory = Path.Combine(told.OutputDirectory, "..", "directory");
    private readonly TaskObserver observer = new(link, told.Task.Run, InjectedFaults.None, log);
    private readonly BlockingCollection<string> lines = new(1024);
    private IReadOnlyDictionary<string, double> metrics = new Dictionary<string, double>();
    private int epoch;
    private bool paused;

    private bool IsToEnd => link.Stop.IsRequested || link.Stop.IsLeaveRequested;

    /// <exception cref="CommandFailedException">The program ended with another status than 0, or took too long.</exception>
    /// <exception cref="CommandKilledException">Somebody else killed it.</exception>
    public TaskEnded Run()
    {
        link.Send(new Report { Ready = new TaskReady { Pid = Environment.ProcessId, ProbeHash = RunSpec.CommandWorkload, Hardware = HardwareName.Read(told.Device) } });
        if (!WaitForBegin())
        {
            return new TaskEnded { Stopped = true };
        }

        Directory.CreateDirectory(directory);
        epoch = told.CheckpointDirectory.Length > 0 ? CommandArchive.Restore(told.CheckpointDirectory, directory) : 0;
        using var program = CommandProgram.Start(spec, told, Path.GetFullPath(directory), epoch, lines.Add);
        log.Information("{Program} runs as process {Pid} from epoch {Epoch}", spec.Command![0], program.Pid, epoch);
        var stopped = Follow(program);
        var hash = Keep();
        return new TaskEnded { Step = epoch, Epoch = epoch, WeightsHash = hash, Stopped = stopped, Paused = paused };
    }

    /// <returns>Whether it was told to stop.</returns>
    private bool Follow(CommandProgram program)
    {
        var clock = Stopwatch.StartNew();
        Stopwatch? ending = null;
        Stopwatch? pause = null;
        while (!program.HasEnded || lines.Count > 0)
        {
            link.Beat(new TaskProgress { Step = epoch, Epoch = epoch, Phase = "command" });
            if (lines.TryTake(out var line, Glance))
            {
                Hear(line, clock.Elapsed);
            }

            paused = paused || IsWhereItPauses();
            if (ending is null && ((paused && !told.Task.IsCopied) || IsToEnd))
            {
                ending = Stopwatch.StartNew();
                program.Terminate();
            }

            if (ending?.Elapsed > Grace)
            {
                program.Kill();
            }

            if (ending is null && paused && (pause ??= Stopwatch.StartNew()).Elapsed > Grace)
            {
                throw WentOn();
            }

            if (ending is null && clock.Elapsed > spec.Timeout)
            {
                program.Kill();
                throw new CommandFailedException(string.Create(CultureInfo.InvariantCulture, $"{spec.Command![0]} took longer than its timeout of {spec.Timeout.Value.TotalSeconds:0.#} s"));
            }
        }

        if (ending is null)
        {
            program.Check(spec.Command![0]);
        }

        return ending is not null && !paused;
    }

    private void Hear(string line, TimeSpan since)
    {
        if (CommandMetrics.Parse(line) is not { } report)
        {
            Console.WriteLine(line);
            return;
        }

        // What it says again after it went on is known. What it did beyond its pause, before it was ended, is ahead of time and counts when time comes there.
        if (report.Epoch <= epoch)
        {
            return;
        }

        if (told.Task.IsCopied && IsWhereItPauses())
        {
            throw WentOn();
        }

        epoch++;
        metrics = report.Metrics;
        observer.EpochFinished(new EpochResult(epoch, epoch, metrics, 0, since.TotalSeconds, ""));
    }

    private bool IsWhereItPauses() => told.Task.UntilEpoch > 0 && epoch >= told.Task.UntilEpoch && epoch < spec.Training.Epochs;

    /// <summary>Where others begin with what it keeps it must stand still by itself: ended from outside it would have come a little further, now here, now there.</summary>
    private CommandFailedException WentOn() => new(string.Create(CultureInfo.InvariantCulture,
        $"{spec.Command![0]} went on after epoch {epoch}; a member of a population ends by itself after ORCH_UNTIL epochs, since others begin with what it keeps"));

    /// <returns>The hash of what it left in its directory; empty where it left nothing.</returns>
    private string Keep()
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{told.Task.Run}-{epoch}");
        var folder = Path.Combine(told.OutputDirectory, id);
        if (epoch == 0 || CommandArchive.Write(directory, folder, told.Task, epoch) is not { } written)
        {
            return "";
        }

        observer.CheckpointWritten(new CheckpointResult(id, folder, epoch, epoch, written.Bytes, written.Sha256, metrics));
        return written.Sha256;
    }

    private bool WaitForBegin()
    {
        while (link.Orders.WaitAfter(0, Glance) is null)
        {
            if (IsToEnd)
            {
                return false;
            }

            link.Beat(new TaskProgress { Phase = "waiting" });
        }

        return true;
    }
}

/// <summary>The program's own mistake: it would make it again.</summary>
internal sealed class CommandFailedException(string message) : Exception(message);

/// <summary>The program was killed by somebody else: for memory, or by hand.</summary>
internal sealed class CommandKilledException(string message) : Exception(message);

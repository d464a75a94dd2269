using System.Diagnostics;
using System.Globalization;
using Orchestrator.Specs;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Trainers;

namespace Orchestrator.Worker.Trainer;

/// <summary>The program of a <c>workload: command</c>, as a process. It dies with the trainer.</summary>
internal sealed class CommandProgram : IDisposable
{
    private const string Warden = "/usr/bin/setpriv";
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private const int Sigterm = 15;
    private const int KilledStatus = 128 + 9;

    private readonly Process process;
    private readonly Task output;
    private readonly Task error;
    private string lastWords = "";

    private CommandProgram(Process process, Action<string> line)
    {
        this.process = process;
        process.StandardInput.Close();
        output = PassAsync(process.StandardOutput, line);
        error = PassAsync(process.StandardError, text =>
        {
            lastWords = text.Trim().Length > 0 ? text.Trim() : lastWords;
            Console.Error.WriteLine(text);
        });
    }

    public int Pid => process.Id;

    /// <summary>And its lines have been read; those of a process that it left behind are not waited for.</summary>
    public bool HasEnded
    {
        get
        {
            if (!process.HasExited)
            {
                return false;
            }

            Task.WaitAll([output, error], LastLines);
            return true;
        }
    }

    /// <param name="epoch">Epochs done before.</param>
    /// <param name="line">Called for each line of its standard output, from any thread.</param>
    /// <exception cref="CommandFailedException">It can't be started.</exception>
    public static CommandProgram Start(RunSpec spec, TrainTask told, string directory, int epoch, Action<string> line)
    {
        if (spec.WorkingDirectory is { } place && !Directory.Exists(place))
        {
            throw new CommandFailedException($"{place} is not on this machine; name a working_directory that every worker has");
        }

        var start = new ProcessStartInfo { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = spec.WorkingDirectory ?? directory };
        // Killed with the thread that starts it, which is the trainer's main one: nothing goes on for nobody.
        string[] words = File.Exists(Warden) ? [Warden, "--pdeathsig", "KILL", .. spec.Command!] : [.. spec.Command!];
        start.FileName = words[0];
        foreach (var word in words.Skip(1))
        {
            start.ArgumentList.Add(word);
        }

        // The agent's own are not for it.
        start.Environment.Remove(TrainerEnvironment.Secret);
        start.Environment.Remove(TrainerEnvironment.Token);
        foreach (var (name, value) in spec.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        foreach (var (name, value) in (IEnumerable<(string, string)>)
            [
                ("ORCH_DIRECTORY", directory), ("ORCH_RUN", told.Task.Run), ("ORCH_SWEEP", told.Task.Sweep), ("ORCH_TRIAL", Text(told.Task.Trial)), ("ORCH_SEED", Text(spec.Seed)),
                ("ORCH_EPOCH", Text(epoch)), ("ORCH_EPOCHS", Text(spec.Training.Epochs)), ("ORCH_UNTIL", Text(told.Task.UntilEpoch)), ("ORCH_DEVICE", told.Device),
            ])
        {
            start.Environment[name] = value;
        }

        try
        {
            return new CommandProgram(Process.Start(start)!, line);
        }
        catch (System.ComponentModel.Win32Exception refusal)
        {
            throw new CommandFailedException($"{spec.Command![0]} can't be started: {refusal.Message}");
        }
    }

    public void Terminate() => _ = Native.Signal(process.Id, Sigterm);

    public void Kill()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    /// <exception cref="CommandFailedException">It ended with another status than 0.</exception>
    /// <exception cref="CommandKilledException">It was killed.</exception>
    public void Check(string name)
    {
        process.WaitForExit();
        if (process.ExitCode == KilledStatus)
        {
            throw new CommandKilledException($"{name} was killed");
        }

        if (process.ExitCode != 0)
        {
            throw new CommandFailedException(string.Create(CultureInfo.InvariantCulture, $"{name} ended with status {process.ExitCode}{(lastWords.Length > 0 ? $": {lastWords}" : "")}"));
        }
    }

    public void Dispose()
    {
        Kill();
        process.Dispose();
    }

    private static async Task PassAsync(StreamReader reader, Action<string> line)
    {
        while (await reader.ReadLineAsync() is { } text)
        {
            line(text);
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

using System.Security.Cryptography;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>
/// Keeps trainers in reserve, so that a task need not wait for a process to load libtorch: a run whose only worker dies goes on at once, and the next trial of a sweep begins in a process that is warm.
/// One is started while no other trainer loads, for the kind of task that came last; those whose task ended well come back, and go when nobody has wanted them for a while.
/// </summary>
internal sealed partial class SpareTrainers(AgentOptions options, string socket, TimeProvider time, ILogger<SpareTrainers> log)
{
    /// <summary>In a row: one that can't be started is not tried for ever.</summary>
    private const int MostFailures = 3;

    /// <summary>More than one at rest is for a sweep that goes on, and a waste of memory after it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly Dictionary<string, SpareTrainer> living = [];
    // The last one to come is the warmest.
    private readonly List<SpareTrainer> waiting = [];
    private IReadOnlyDictionary<string, string>? wanted;
    private int failures;
    private bool closed;

    /// <summary>A spare, where there is one that was started as the task's trainer would be; otherwise null.</summary>
    public SpareTrainer? Take(IReadOnlyDictionary<string, string> environment)
    {
        lock (gate)
        {
            wanted = environment;
            foreach (var unlike in waiting.Where(spare => !IsLike(spare.Environment, environment)).ToArray())
            {
                _ = DismissAsync(unlike);
            }

            // One that has just died is still to be counted as a failure of the reserve, and would be the task's.
            if (waiting.FindLast(spare => !spare.Process.HasEnded) is not { } last)
            {
                return null;
            }

            waiting.Remove(last);
            failures = 0;
            return last;
        }
    }

    /// <summary>Takes a trainer whose task ended well into the reserve, where there is room.</summary>
    /// <returns>By which secret it dials anew; null where it is not wanted.</returns>
    public string? TakeBack(TrainerProcess process, IReadOnlyDictionary<string, string> environment)
    {
        lock (gate)
        {
            // One a slot, and the one in reserve.
            if (closed || !options.KeepsSpare || waiting.Count > options.Devices.Count || !IsLike(wanted ?? environment, environment))
            {
                return null;
            }

            foreach (var former in living.Values.Where(spare => spare.Process == process).ToArray())
            {
                living.Remove(former.Secret);
            }

            process.Serve(null);
            return Add(process, NewSecret(), environment).Secret;
        }
    }

    /// <summary>One that dialled, given away or not yet; null for a stranger.</summary>
    public SpareTrainer? Find(string secret)
    {
        lock (gate)
        {
            return living.GetValueOrDefault(secret);
        }
    }

    /// <summary>Starts one where there is none.</summary>
    /// <param name="environment">For what to start the first one.</param>
    public void Keep(Func<IReadOnlyDictionary<string, string>> environment)
    {
        lock (gate)
        {
            if (closed || !options.KeepsSpare || waiting.Count > 0 || failures == MostFailures)
            {
                return;
            }

            var (secret, kind) = (NewSecret(), wanted ??= environment());
            Add(TrainerProcess.Start(socket, secret, kind, spare: true, lines: null), secret, kind);
        }
    }

    /// <summary>Sends those away that nobody has wanted for a while, but for one.</summary>
    public void LetGo()
    {
        lock (gate)
        {
            while (waiting.Count > 1 && time.GetElapsedTime(waiting[0].Since) > Patience)
            {
                _ = DismissAsync(waiting[0]);
            }
        }
    }

    /// <summary>Ends those that wait; no other follows.</summary>
    public Task CloseAsync()
    {
        lock (gate)
        {
            closed = true;
            return Task.WhenAll(waiting.ToArray().Select(DismissAsync));
        }
    }

    private static string NewSecret() => RandomNumberGenerator.GetHexString(64, lowercase: true);

    private SpareTrainer Add(TrainerProcess process, string secret, IReadOnlyDictionary<string, string> environment)
    {
        var spare = new SpareTrainer(process, secret, environment, time.GetTimestamp());
        waiting.Add(spare);
        living[secret] = spare;
        _ = ForgetAsync(spare);
        return spare;
    }

    private Task DismissAsync(SpareTrainer spare)
    {
        waiting.Remove(spare);
        return spare.DismissAsync();
    }

    private async Task ForgetAsync(SpareTrainer spare)
    {
        var code = await spare.Process.Exited;
        lock (gate)
        {
            living.Remove(spare.Secret);
            if (waiting.Remove(spare))
            {
                failures++;
                LogFailed(log, code, spare.Process.Tail);
            }
        }

        if (!spare.IsTaken)
        {
            spare.Process.Dispose();
        }
    }

    private static bool IsLike(IReadOnlyDictionary<string, string> one, IReadOnlyDictionary<string, string> other) =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var value) && value == pair.Value);

    [LoggerMessage(LogLevel.Warning, "the spare trainer ended by itself with {code}: {tail}")]
    private static partial void LogFailed(ILogger logger, int code, string tail);
}

using System.Security.Cryptography;

namespace Orchestrator.Worker.Agent.Tasks;

/// <summary>
/// Keeps one trainer in reserve, so that a task need not wait for a process to load libtorch: a run whose only worker dies goes on at once. It is started while no other trainer loads, for the kind of
/// task that came last, and goes to the next task of that kind.
/// </summary>
internal sealed partial class SpareTrainers(AgentOptions options, string socket, ILogger<SpareTrainers> log)
{
    /// <summary>One that can't be started is not tried for ever.</summary>
    private const int MostFailures = 3;

    private readonly Lock gate = new();
    private readonly Dictionary<string, SpareTrainer> living = [];
    private IReadOnlyDictionary<string, string>? wanted;
    private SpareTrainer? waiting;
    private int failures;
    private bool closed;

    /// <summary>The spare, where there is one that was started as the task's trainer would be; otherwise null.</summary>
    public SpareTrainer? Take(IReadOnlyDictionary<string, string> environment)
    {
        lock (gate)
        {
            wanted = environment;
            if (waiting is not { } spare)
            {
                return null;
            }

            waiting = null;
            if (IsLike(spare.Environment, environment))
            {
                return spare;
            }

            _ = spare.DismissAsync();
            return null;
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
            if (closed || !options.KeepsSpare || waiting is not null || failures == MostFailures)
            {
                return;
            }

            waiting = new SpareTrainer(socket, RandomNumberGenerator.GetHexString(64, lowercase: true), wanted ??= environment());
            living[waiting.Secret] = waiting;
            _ = ForgetAsync(waiting);
        }
    }

    /// <summary>Ends the one that waits; no other follows.</summary>
    public async Task CloseAsync()
    {
        SpareTrainer? last;
        lock (gate)
        {
            closed = true;
            (last, waiting) = (waiting, null);
        }

        if (last is not null)
        {
            await last.DismissAsync();
        }
    }

    private async Task ForgetAsync(SpareTrainer spare)
    {
        var code = await spare.Process.Exited;
        lock (gate)
        {
            living.Remove(spare.Secret);
            if (waiting == spare)
            {
                waiting = null;
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

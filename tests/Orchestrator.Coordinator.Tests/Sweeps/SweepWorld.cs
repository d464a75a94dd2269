using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orchestrator.Control.Sweeps;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Coordinator.Hosting;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Sweeps;
using Orchestrator.Testing;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Tests.Sweeps;

/// <summary>The sweep controller over a real journal, with a run coordinator that only pretends to train.</summary>
internal sealed class SweepWorld : IMessageBus, ISweepRuns, IAsyncDisposable
{
    private const int Consumers = 32;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public const string File = """
        name: Digits_search
        workload: image-classifier
        dataset: digits
        seed: 7
        labels: { team: vision }
        model: { architecture: mlp, hidden: $hidden }
        training: { epochs: 2, batch_size: 64, optimizer: { name: adamw, learning_rate: $lr } }
        search: { sampler: random, trials: 6, parallel: 2, objective: { metric: val_accuracy, goal: maximize } }
        parameters:
          lr: { loguniform: [1e-3, 3e-2] }
          hidden: { choice: [64, 128] }
        """;

    private readonly Channel<object> queue = Channel.CreateUnbounded<object>();
    private readonly CancellationTokenSource ending = new();
    private readonly IHost host;
    private readonly Task[] consumers;

    private SweepWorld(string folder, TimeProvider time)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services
            .AddLogging()
            .AddSingleton(time)
            .AddSingleton(_ => DataDirectory.Open(folder))
            .AddJournal(new JournalOptions { Database = Path.Combine(folder, "journal.db") })
            .AddSingleton<IMessageBus>(this)
            .AddSingleton<ISweepRuns>(this)
            .AddDatasets()
            .AddSweeps();
        host = builder.Build();
        consumers = [.. Enumerable.Range(0, Consumers).Select(_ => ConsumeAsync())];
    }

    /// <summary>What was sent to the run coordinator, in order.</summary>
    public ConcurrentQueue<object> Sent { get; } = new();

    /// <summary>Sweeps whose runs were taken away.</summary>
    public ConcurrentQueue<string> Removed { get; } = new();

    /// <summary>How it answers; null says nothing.</summary>
    public Func<object, IEnumerable<object>>? Answer { get; set; }

    /// <summary>Looked at whenever something is sent.</summary>
    public Func<object, Task>? Sending { get; set; }

    public SweepApi Api => host.Services.GetRequiredService<SweepApi>();

    public IJournal Journal => host.Services.GetRequiredService<IJournal>();

    public static async Task<SweepWorld> StartAsync(string folder, TimeProvider? time = null, Func<object, IEnumerable<object>>? answer = null)
    {
        var world = new SweepWorld(folder, time ?? TimeProvider.System) { Answer = answer };
        await world.host.StartAsync(TestContext.Current.CancellationToken);
        return world;
    }

    /// <summary>Trains for two epochs, the second one better; the learning rate is the accuracy.</summary>
    public static IEnumerable<object> Train(object message)
    {
        switch (message)
        {
            case RunTrial run:
                var rate = Orchestrator.Specs.RunSpec.FromJson(run.Spec).Training.Optimizer.LearningRate;
                yield return new TrialStarted(run.Sweep, run.Trial, run.Attempt, run.Run);
                yield return new TrialReported(run.Sweep, run.Trial, run.Attempt, run.Run, 1, Metrics("val_accuracy", rate / 2));
                yield return new TrialReported(run.Sweep, run.Trial, run.Attempt, run.Run, 2, Metrics("val_accuracy", rate));
                yield return new TrialFinished(run.Sweep, run.Trial, run.Attempt, run.Run, "succeeded", "", "", 2, $"{run.Run}-best", "hash");
                break;
            case ScoreTrial score:
                yield return new TrialScored(score.Sweep, score.Trial, score.Attempt, score.Run, Metrics("test_accuracy", 0.5));
                break;
            case StopTrial stop:
                yield return new TrialFinished(stop.Sweep, stop.Trial, stop.Attempt, stop.Run, "cancelled", "", "", 0, "", "");
                break;
        }
    }

    public static Dictionary<string, double> Metrics(string name, double value) => new(StringComparer.Ordinal) { [name] = value };

    public async Task<string> SubmitAsync(string file = File, params string[] set) =>
        (await Api.SubmitSweep(new SubmitSweepRequest { File = file, FileName = "digits.yaml", Set = { set } }, Call)).Id;

    public Task RemoveAllOfAsync(string sweep, CancellationToken cancellationToken)
    {
        Removed.Enqueue(sweep);
        return Task.CompletedTask;
    }

    public Task<Sweep> GetAsync(string id) => Api.GetSweep(new GetSweepRequest { Id = id }, Call);

    /// <summary>Every state that a watcher sees, the last one last.</summary>
    public async Task<List<Sweep>> WatchAsync(string id)
    {
        var seen = new Seen();
        await Api.WatchSweep(new GetSweepRequest { Id = id }, seen, Call);
        return seen.Sweeps;
    }

    public static Task UntilAsync(Func<bool> condition) => Eventually.TrueAsync(condition, Patience);

    public static Task UntilAsync(Func<Task<bool>> condition) => Eventually.TrueAsync(condition, Patience);

    /// <summary>As the broker brings it.</summary>
    public Task BringAsync(object message) => message switch
    {
        TrialStarted m => Handler<TrialStarted>().HandleAsync(m, ending.Token),
        TrialReported m => Handler<TrialReported>().HandleAsync(m, ending.Token),
        TrialFinished m => Handler<TrialFinished>().HandleAsync(m, ending.Token),
        TrialScored m => Handler<TrialScored>().HandleAsync(m, ending.Token),
        _ => throw new UnreachableException(),
    };

    public async Task SendAsync<T>(T message, CancellationToken cancellationToken)
        where T : class
    {
        if (Sending is { } look)
        {
            await look(message);
        }

        Sent.Enqueue(message);
        await queue.Writer.WriteAsync(message, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await Task.WhenAll(consumers);
        await host.StopAsync(CancellationToken.None);
        await ((IAsyncDisposable)host).DisposeAsync();
        ending.Dispose();
    }

    public static ServerCallContext Call { get; } = new UnitCall();

    private IMessageHandler<T> Handler<T>()
        where T : class => host.Services.GetRequiredService<IMessageHandler<T>>();

    private async Task ConsumeAsync()
    {
        try
        {
            await foreach (var message in queue.Reader.ReadAllAsync(ending.Token))
            {
                foreach (var answer in Answer?.Invoke(message) ?? [])
                {
                    await BringAsync(answer);
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The world ends.
        }
    }

    private sealed class Seen : IServerStreamWriter<Sweep>
    {
        public List<Sweep> Sweeps { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(Sweep message)
        {
            Sweeps.Add(message);
            return Task.CompletedTask;
        }

        public Task WriteAsync(Sweep message, CancellationToken cancellationToken) => WriteAsync(message);
    }

    private sealed class UnitCall : ServerCallContext
    {
        protected override string MethodCore => "";

        protected override string HostCore => "";

        protected override string PeerCore => "";

        protected override DateTime DeadlineCore => DateTime.MaxValue;

        protected override Metadata RequestHeadersCore { get; } = [];

        protected override CancellationToken CancellationTokenCore => TestContext.Current.CancellationToken;

        protected override Metadata ResponseTrailersCore { get; } = [];

        protected override Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore { get; } = new("", []);

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException();

        protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
    }
}

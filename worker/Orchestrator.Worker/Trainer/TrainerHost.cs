using System.Diagnostics;
using Orchestrator.Specs;
using Orchestrator.Training;
using Orchestrator.V1;
using Orchestrator.Worker.Agent.Trainers;
using Orchestrator.Worker.Seeing;
using Orchestrator.Workloads;
using TorchSharp;

namespace Orchestrator.Worker.Trainer;

/// <summary>A trainer, on the process's main thread: load, train through the run's generations, say how it ended.</summary>
internal sealed class TrainerHost(AgentLink link)
{
    private static readonly ActivitySource Source = new("Orchestrator.Trainer");

    /// <summary>
    /// The task ended well, and left nothing in this process that the next one could meet: no code of a user's, no memory of a GPU that another trainer may want.
    /// </summary>
    public bool CanServeAnother { get; private set; }

    /// <returns>0 when the task ended, 1 when it failed; the agent has been told either way.</returns>
    public int Run()
    {
        var told = link.Told();
        using var tracing = Tracing();
        using var logging = WorkerLogging.ForTrainer(told.Task);
        using var span = Source.StartActivity(told.Task.EvaluateTest ? "evaluate test" : "train", ActivityKind.Internal, TraceParent.Parse(told.Task.TraceParent)).Describe(told.Task);
        try
        {
            var spec = RunSpec.FromJson(told.Task.Spec);
            link.Send(new Report { Ended = spec.IsCommand ? new CommandRun(link, told, spec, logging).Run() : Train(told, spec, logging) });
            CanServeAnother = !spec.IsCommand && spec.Package is null && told.Device == SlotDevices.Cpu;
            return ExitCode.Done;
        }
        catch (Exception failure)
        {
            var failed = FailureKinds.Of(failure);
            // The stack of whoever wrote the workload belongs in the run's log.
            logging.Error(failed.Kind == "user" ? failure : null, "{Kind}: {Message}", failed.Kind, failed.Message);
            span?.SetStatus(ActivityStatusCode.Error, failed.Message);
            link.Send(new Report { Failed = failed });
            return ExitCode.Failed;
        }
    }

    private TaskEnded Train(TrainTask told, RunSpec spec, Serilog.ILogger log)
    {
        torch.set_num_threads(spec.Training.Threads);
        using var peers = Peers.Listen(told.Advertise, PortRange.TryParse(Environment.GetEnvironmentVariable(TrainerEnvironment.PeerPorts) ?? ""));
        using var run = TrainingRun.Load(ToTask(told, spec, Peers.Plan(told.Task.Shards)), new WorkloadCatalog());
        Rehearsals.Of(run, told.Task, spec, log);
        link.Beat(new TaskProgress { Phase = told.Task.EvaluateTest ? "evaluating" : "waiting" });
        link.Send(new Report { Ready = new TaskReady { PeerAddress = peers.Address, Pid = Environment.ProcessId, ProbeHash = run.ProbeHash, Hardware = HardwareName.Read(told.Device) } });
        if (told.Task.EvaluateTest)
        {
            var score = new TaskEnded();
            score.Metrics.Add(run.EvaluateTest(() => link.Beat(new TaskProgress { Phase = "evaluating" }), CancellationToken.None).ToDictionary());
            return score;
        }

        var observer = new TaskObserver(link, told.Task.Run, InjectedFaults.Of(spec.Name, told.Task), log);
        using var session = run.Open(observer, link.Stop, told.Task.Joins);
        return new GenerationLoop(link, peers, session, observer, log).Run(told.Task) ?? new TaskEnded { Stopped = true };
    }

    private static TrainingTask ToTask(TrainTask told, RunSpec spec, Collectives.ShardPlan plan) => new()
    {
        Spec = spec,
        Run = told.Task.Run,
        DatasetDirectory = told.DatasetDirectory,
        Plan = plan,
        Rank = told.Task.Rank,
        CheckpointDirectory = told.CheckpointDirectory.Length > 0 ? told.CheckpointDirectory : null,
        UntilEpoch = told.Task.UntilEpoch,
        OutputDirectory = told.OutputDirectory,
        Device = told.Device,
        Overlap = Environment.GetEnvironmentVariable("ORCH_OVERLAP") != "off",
    };

    private static WorkerTracing? Tracing() => Uri.TryCreate(Environment.GetEnvironmentVariable(TrainerEnvironment.Telemetry), UriKind.Absolute, out var endpoint)
        ? WorkerTracing.Start("orchestrator-trainer", endpoint, Environment.GetEnvironmentVariable(TrainerEnvironment.Token))
        : null;
}

using System.CommandLine;
using Orchestrator.Worker.Agent;
using Orchestrator.Worker.Bench;
using Orchestrator.Worker.Local;
using Orchestrator.Worker.Stacks;
using Orchestrator.Worker.Trainer;
using Orchestrator.Worker;

return new RootCommand("A machine's agent and its trainers.")
{
    AgentCommand.Create(),
    TrainerVerb.Create(),
    StacksVerb.Create(),
    RunLocalCommand.Create(),
    ReplayCommand.Create(),
    PredictCommand.Create(),
    ProbeCommand.Create(),
    BenchCommand.Create(),
}.Parse(args).Run();

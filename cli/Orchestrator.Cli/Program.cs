using Orchestrator.Cli;
using Orchestrator.Cli.Terminal;

return await App.RunAsync(args, Shell.OfThisProcess());

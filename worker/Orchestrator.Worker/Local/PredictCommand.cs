using System.CommandLine;

namespace Orchestrator.Worker.Local;

internal static class PredictCommand
{
    public static Command Create() => new("predict");
}

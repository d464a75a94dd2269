using Orchestrator.V1;
using Serilog;
using Serilog.Events;
using Serilog.Formatting.Compact;
using SerilogLogger = Serilog.Core.Logger;

namespace Orchestrator.Worker.Seeing;

/// <summary>Short lines for people on standard error; JSON for machines in the agent's folder.</summary>
internal static class WorkerLogging
{
    private const long FileBytes = 16 << 20;
    private const int Files = 4;

    public static SerilogLogger ForAgent(string folder, string agent) => Quiet()
        .Enrich.WithProperty("agent", agent)
        .Enrich.FromLogContext()
        .WriteTo.Console(outputTemplate: "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}", standardErrorFromLevel: LogEventLevel.Verbose)
        .WriteTo.File(new CompactJsonFormatter(), Path.Combine(folder, "agent.log"), fileSizeLimitBytes: FileBytes, rollOnFileSizeLimit: true, retainedFileCountLimit: Files)
        .CreateLogger();

    /// <summary>Its lines are the run's log; the agent knows whose they are.</summary>
    public static SerilogLogger ForTrainer(AssignTask task) => Quiet()
        .Enrich.WithProperty("run", task.Run)
        .Enrich.WithProperty("trial", task.Trial)
        .Enrich.WithProperty("rank", task.Rank)
        .Enrich.FromLogContext()
        .WriteTo.Console(outputTemplate: "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}", standardErrorFromLevel: LogEventLevel.Verbose)
        .CreateLogger();

    private static LoggerConfiguration Quiet() => new LoggerConfiguration()
        .MinimumLevel.Information()
        .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
        .MinimumLevel.Override("Grpc", LogEventLevel.Error)
        .MinimumLevel.Override("System", LogEventLevel.Warning);
}

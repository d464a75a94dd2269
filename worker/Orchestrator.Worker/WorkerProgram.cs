using System.Diagnostics;

namespace Orchestrator.Worker;

/// <summary>This program once more, as a process that is told apart by its arguments.</summary>
internal static class WorkerProgram
{
    /// <returns>With pipes for its standard input, output and error.</returns>
    public static ProcessStartInfo With(params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        // The program itself, or the dotnet host with the program's assembly.
        var program = Path.Combine(AppContext.BaseDirectory, "Orchestrator.Worker");
        if (File.Exists(program))
        {
            start.FileName = program;
        }
        else
        {
            start.FileName = Environment.ProcessPath!;
            start.ArgumentList.Add(program + ".dll");
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }
}

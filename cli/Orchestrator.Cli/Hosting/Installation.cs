using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Hosting;

/// <summary>
/// Where the parts lie beside the command: in a checkout each in its project's output folder, when published in the sibling folders
/// <c>coordinator/</c> and <c>worker/</c>, or in those folders below ORCH_HOME.
/// </summary>
public sealed record Installation(string Coordinator, string Worker, string? Checkout)
{
    public static Installation Find(Shell shell) => Find(AppContext.BaseDirectory, shell.Variable("ORCH_HOME"));

    /// <param name="own">The folder of the command's own assembly.</param>
    /// <param name="home">ORCH_HOME; null where unset.</param>
    /// <exception cref="CliException">A part is missing.</exception>
    public static Installation Find(string own, string? home)
    {
        if (!string.IsNullOrEmpty(home))
        {
            return Published(home) ?? throw CliException.BadInput($"ORCH_HOME is {home}, which has no coordinator/ and worker/ with the programs in them");
        }

        var folder = new DirectoryInfo(own);
        var published = Published(folder.FullName) ?? (folder.Parent is { } parent ? Published(parent.FullName) : null);
        if (published is not null)
        {
            return published;
        }

        // CHECKOUT/cli/Orchestrator.Cli/bin/Release/net10.0/linux-x64/ — the hosts lie at the same place in theirs.
        var tail = new List<string>();
        for (var at = folder; at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Orchestrator.sln")))
            {
                var bin = tail.SkipWhile(name => name != "bin").ToArray();
                return InCheckout(at.FullName, Path.Combine(bin));
            }

            tail.Insert(0, at.Name);
        }

        throw CliException.Failed($"the coordinator and the worker are not beside {own}; set ORCH_HOME to the folder that holds coordinator/ and worker/");
    }

    private static Installation? Published(string home)
    {
        var coordinator = Path.Combine(home, "coordinator", "Orchestrator.Coordinator.dll");
        var worker = Path.Combine(home, "worker", "Orchestrator.Worker.dll");
        return File.Exists(coordinator) && File.Exists(worker) ? new(coordinator, worker, null) : null;
    }

    private static Installation InCheckout(string root, string bin)
    {
        var coordinator = Path.Combine(root, "coordinator", "Orchestrator.Coordinator", bin, "Orchestrator.Coordinator.dll");
        var worker = Path.Combine(root, "worker", "Orchestrator.Worker", bin, "Orchestrator.Worker.dll");
        return !File.Exists(coordinator) || !File.Exists(worker)
            ? throw CliException.Failed($"{(File.Exists(coordinator) ? worker : coordinator)} is not built; run ./orch, which builds it")
            : new(coordinator, worker, root);
    }
}

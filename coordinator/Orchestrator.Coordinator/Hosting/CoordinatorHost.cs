using Orchestrator.Coordinator.Api;
using Orchestrator.Coordinator.Artifacts;
using Orchestrator.Coordinator.Broker;
using Orchestrator.Coordinator.Datasets;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Coordinator.Observability;
using Orchestrator.Coordinator.Runs;
using Orchestrator.Coordinator.Sessions;
using Orchestrator.Coordinator.Sweeps;
using Orchestrator.Coordinator.Traces;

namespace Orchestrator.Coordinator.Hosting;

/// <summary>The composition root: what the coordinator is made of.</summary>
public static class CoordinatorHost
{
    /// <summary>Runs until a signal or a Shutdown call.</summary>
    /// <exception cref="StartupException">It can't start.</exception>
    public static async Task RunAsync(CoordinatorOptions options)
    {
        await using var app = await StartAsync(options);
        await app.WaitForShutdownAsync();
    }

    /// <exception cref="StartupException">The options are wrong, or a listener or the data directory can't be had.</exception>
    public static WebApplication Build(CoordinatorOptions options)
    {
        options.Validate();
        var token = AccessToken.Load(options.TokenFile);
        Listeners.Probe(options);
        var directory = DataDirectory.Open(options.DataDirectory);
        try
        {
            return Compose(options, token, directory);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>What the broker and the database have to say to a start is for the one who starts it.</summary>
    private static async Task<WebApplication> StartAsync(CoordinatorOptions options)
    {
        try
        {
            var app = Build(options);
            await app.StartAsync();
            return app;
        }
        catch (BrokerException refusal)
        {
            throw new StartupException(refusal.Message, refusal.Mend, refusal);
        }
        catch (JournalException refusal)
        {
            throw new StartupException(refusal.Message, refusal.Mend, refusal);
        }
    }

    private static WebApplication Compose(CoordinatorOptions options, AccessToken token, DataDirectory directory)
    {
        // Nothing but the command line configures the coordinator: no appsettings.json of whatever folder it was started in.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, ApplicationName = "coordinator" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ConfigureListeners(options));
        builder.Services
            .AddHosting(options, token, directory)
            .AddTraces(options)
            .AddJournal(new JournalOptions { Database = DatabaseOf(options) })
            .AddWatchedBroker(new BrokerOptions { Address = options.Broker })
            .AddObservability(directory)
            .AddArtifacts()
            .AddDatasets()
            .AddSweeps()
            .AddRuns()
            .AddSessions()
            .AddApi();

        var app = builder.Build();
        app.UseHosting();
        app.MapApi();
        app.MapDatasets();
        app.MapSweeps();
        app.MapRuns();
        app.MapSessions();
        app.MapTraces();
        app.MapObservability();
        return app;
    }

    private static string DatabaseOf(CoordinatorOptions options) => options.DatabaseAddress switch
    {
        DatabaseAddress.Sqlite sqlite => $"sqlite:{sqlite.Path}",
        DatabaseAddress.PostgreSql postgres => postgres.ConnectionString,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

using Orchestrator.Coordinator.Hosting;

namespace Orchestrator.Coordinator.Artifacts;

internal static class ArtifactServices
{
    /// <summary>The store that <c>--artifacts</c> names.</summary>
    public static IServiceCollection AddArtifacts(this IServiceCollection services) =>
        services.AddSingleton<IArtifactStore>(provider => new FolderArtifactStore(provider.GetRequiredService<CoordinatorOptions>().ArtifactFolder));
}

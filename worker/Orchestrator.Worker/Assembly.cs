using System.Runtime.CompilerServices;
using System.Runtime.Versioning;

// Signals, Unix sockets, /proc and control groups: elsewhere than on Linux there is nothing to run.
[assembly: SupportedOSPlatform("linux")]
[assembly: InternalsVisibleTo("Orchestrator.Worker.Tests")]
[assembly: InternalsVisibleTo("Orchestrator.Simulation.Tests")]

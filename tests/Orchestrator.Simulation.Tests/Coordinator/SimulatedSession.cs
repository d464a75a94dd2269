using Orchestrator.Coordinator.Journal;
using Orchestrator.V1;

namespace Orchestrator.Simulation.Tests;

/// <summary>One session between an agent and a coordinator's life: each side finds out about its end in its own time, and what was under way may be lost with it.</summary>
internal sealed class SimulatedSession
{
    private readonly VirtualWorld world;
    private readonly SimulatedAgent agent;
    private readonly SimulatedCoordinator coordinator;
    private readonly Pipe up;
    private readonly Pipe down;
    private readonly Arriving<AgentMessage> requests = new();
    private readonly CancellationTokenSource gone = new();
    private bool open = true;

    public SimulatedSession(VirtualWorld world, Network network, SimulatedAgent agent, SimulatedCoordinator coordinator)
    {
        (this.world, this.agent, this.coordinator) = (world, agent, coordinator);
        up = new Pipe(world, network, agent.Host, SimulatedCoordinator.Host);
        down = new Pipe(world, network, SimulatedCoordinator.Host, agent.Host);
        coordinator.Process.OnDeath(() => down.Send(() => agent.Ended(this)));
        up.Send(() => coordinator.Process.Do(() => world.Watch(ServeAsync())));
    }

    public void Send(AgentMessage message)
    {
        if (open)
        {
            up.Send(() => coordinator.Process.Do(() => requests.Give(message)));
        }
    }

    public void CompleteByAgent() => up.Send(() => coordinator.Process.Do(requests.Complete));

    public void CloseByAgent()
    {
        open = false;
        up.Send(() => coordinator.Process.Do(Reset));
    }

    /// <summary>The connection breaks, with what it carried.</summary>
    public void Break()
    {
        open = false;
        up.Lose();
        down.Lose();
        world.After(world.Between(0, 500), coordinator.Process, Reset);
        world.After(world.Between(0, 500), () => agent.Ended(this));
    }

    private void Reset()
    {
        gone.Cancel();
        requests.Break();
    }

    private async Task ServeAsync()
    {
        try
        {
            await coordinator.ServeAsync(requests, message => down.Send(() => agent.Process.Do(() => agent.Handle(this, message))), gone.Token);
        }
        catch (JournalException)
        {
            // The agent comes back.
        }

        down.Send(() => agent.Ended(this));
    }
}

using System.Threading.Channels;
using Orchestrator.Coordinator.Runs;
using Orchestrator.V1;

namespace Orchestrator.Coordinator.Sessions;

/// <summary>The reports of one session that are being made durable: many at a time, acknowledged in their order, each only after those before it.</summary>
internal sealed class ReportQueue(string agent, AgentConnection connection, AgentDirectory agents, ulong acknowledged)
{
    private const int MostUnderWay = 512;

    private readonly Channel<(ulong Sequence, Task Effect)> underWay =
        Channel.CreateBounded<(ulong, Task)>(new BoundedChannelOptions(MostUnderWay) { SingleReader = true, SingleWriter = true });

    private readonly CommandOrder order = new();
    private ulong last = acknowledged;

    /// <summary>Waits where too many are under way: the agent keeps the others.</summary>
    public ValueTask AddAsync(Report report, Func<Report, CommandOrder, Task> take, CancellationToken cancellationToken)
    {
        // Sent again because the acknowledgement was lost: say it again in its turn.
        var effect = report.Sequence <= last ? Task.CompletedTask : take(report, order);
        last = Math.Max(last, report.Sequence);
        return underWay.Writer.WriteAsync((report.Sequence, effect), cancellationToken);
    }

    public void Complete() => underWay.Writer.TryComplete();

    /// <summary>Ends with the queue, or with the first report that can't be made durable: the agent then comes back and sends it again.</summary>
    public async Task AcknowledgeAsync()
    {
        // Not ReadAllAsync, which leaves the caller's context: under the simulation that context is the order of everything.
        while (await underWay.Reader.WaitToReadAsync())
        {
            var upTo = 0UL;
            while (underWay.Reader.TryPeek(out var next) && (upTo == 0 || next.Effect.IsCompletedSuccessfully))
            {
                await next.Effect;
                underWay.Reader.TryRead(out next);
                upTo = Math.Max(upTo, next.Sequence);
            }

            agents.Acknowledge(agent, upTo);
            connection.Send(new CoordinatorMessage { Acknowledge = new Acknowledge { Sequence = upTo } });
        }
    }
}

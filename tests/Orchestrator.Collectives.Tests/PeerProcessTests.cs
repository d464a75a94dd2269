using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Orchestrator.Collectives.Tests;

/// <summary>What a rank sees of a peer's process that is killed or frozen in the middle of a sum.</summary>
public sealed partial class PeerProcessTests
{
    private const int Kill = 9;
    private const int Stop = 19;

    [Fact]
    public async Task A_peer_that_is_killed_is_lost_long_before_the_deadline()
    {
        var (failure, elapsed) = await SignalInMidSumAsync(Kill, TimeSpan.FromSeconds(60));
        Assert.Equal((CollectiveFailure.PeerLost, 1), (failure.Failure, failure.Peer));
        Assert.True(elapsed < TimeSpan.FromSeconds(20), $"it took {elapsed}");
    }

    [Fact]
    public async Task A_peer_that_is_frozen_is_timed_out_at_the_deadline()
    {
        var (failure, elapsed) = await SignalInMidSumAsync(Stop, TimeSpan.FromSeconds(1));
        Assert.Equal((CollectiveFailure.TimedOut, 1), (failure.Failure, failure.Peer));
        Assert.True(elapsed > TimeSpan.FromSeconds(0.9), $"it took {elapsed}");
    }

    private static async Task<(CollectiveException Failure, TimeSpan Elapsed)> SignalInMidSumAsync(int signal, TimeSpan deadline)
    {
        var (peer, mine) = await PeerProgram.MeetAsync(new CollectiveOptions { Deadline = deadline });
        using (peer)
        await using (mine)
        {
            var (partials, total) = (new float[PeerProgram.Elements], new float[PeerProgram.Elements]);
            var sums = 0;
            void SumUntilItFails()
            {
                while (true)
                {
                    mine.AllReduce<float>(partials, PeerProgram.Elements, total);
                    Volatile.Write(ref sums, sums + 1);
                }
            }

            var failure = Task.Run(() => Assert.Throws<CollectiveException>(SumUntilItFails));
            while (Volatile.Read(ref sums) < 3 && !failure.IsCompleted)
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }

            var began = Stopwatch.GetTimestamp();
            Assert.Equal(0, Send(peer.Pid, signal));
            return (await failure, Stopwatch.GetElapsedTime(began));
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int pid, int signal);
}

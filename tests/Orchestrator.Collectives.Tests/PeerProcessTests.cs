using System.Diagnostics;
using Orchestrator.Collectives.SharedMemory;

namespace Orchestrator.Collectives.Tests;

/// <summary>What a rank sees of a peer's process that is killed or frozen in the middle of a sum.</summary>
public sealed class PeerProcessTests
{
    private const int Kill = 9;
    private const int Stop = 19;

    public static TheoryData<string, string> Ends
    {
        get
        {
            var ends = new TheoryData<string, string>();
            foreach (var stage in Enum.GetNames<HostStage>())
            {
                foreach (var memory in Enum.GetNames<SumMemory>())
                {
                    ends.Add(stage, memory);
                }
            }

            return ends;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_is_killed_is_lost_long_before_the_deadline(bool sharedMemory)
    {
        var (failure, elapsed) = await SignalInMidSumAsync(Kill, TimeSpan.FromSeconds(60), sharedMemory);
        Assert.Equal((CollectiveFailure.PeerLost, 1), (failure.Failure, failure.Peer));
        Assert.True(elapsed < TimeSpan.FromSeconds(20), $"it took {elapsed}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_peer_that_is_frozen_is_timed_out_at_the_deadline(bool sharedMemory)
    {
        var (failure, elapsed) = await SignalInMidSumAsync(Stop, TimeSpan.FromSeconds(1), sharedMemory);
        Assert.Equal((CollectiveFailure.TimedOut, 1), (failure.Failure, failure.Peer));
        Assert.True(elapsed > TimeSpan.FromSeconds(0.9), $"it took {elapsed}");
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task A_peer_killed_at_any_stage_of_a_shared_sum_is_lost_and_no_sum_is_torn(string stage, string memory)
    {
        var options = new CollectiveOptions { Deadline = TimeSpan.FromSeconds(60), CachedBytes = 0 };
        var (peer, mine) = await PeerProgram.MeetAsync(options, (Enum.Parse<HostStage>(stage), Enum.Parse<SumMemory>(memory)));
        using (peer)
        await using (mine)
        {
            Assert.Equal("shared memory", mine.Transport);
            var sums = 0;
            using var total = PeerProgram.Total(mine, Enum.Parse<SumMemory>(memory));
            void SumUntilItFails()
            {
                for (; ; sums++)
                {
                    PeerProgram.Sum(mine, total);
                }
            }

            var failure = Assert.Throws<CollectiveException>(SumUntilItFails);
            Assert.Equal((CollectiveFailure.PeerLost, 1), (failure.Failure, failure.Peer));

            // The sum in which it died may have come to its end here.
            Assert.InRange(sums, 4, 5);
            Assert.Empty(Directory.GetFiles("/dev/shm", "*orch*"));
        }
    }

    /// <returns>What the sum ended with, and how long it took.</returns>
    private static async Task<(CollectiveException Failure, TimeSpan Elapsed)> SignalInMidSumAsync(
        int signal, TimeSpan deadline, bool sharedMemory)
    {
        var (peer, mine) = await PeerProgram.MeetAsync(new CollectiveOptions { Deadline = deadline, SharedMemory = sharedMemory });
        using (peer)
        await using (mine)
        {
            var sums = 0;
            var began = 0L;
            void SumUntilItFails()
            {
                while (true)
                {
                    began = Stopwatch.GetTimestamp();
                    PeerProgram.Sum(mine, buffer: null);
                    Volatile.Write(ref sums, sums + 1);
                }
            }

            var failure = Task.Run(() => Assert.Throws<CollectiveException>(SumUntilItFails));
            while (Volatile.Read(ref sums) < 3 && !failure.IsCompleted)
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }

            // Before it the peer may have been late already, of which the deadline knows.
            Assert.Equal(0, PeerProgram.Signal(peer.Pid, signal));
            var failed = await failure;
            return (failed, Stopwatch.GetElapsedTime(began));
        }
    }
}

using System.Text;
using Microsoft.Extensions.Time.Testing;
using Orchestrator.Collectives;
using Orchestrator.Training;
using Orchestrator.Worker.Agent;
using Orchestrator.Worker.Agent.Session;
using Orchestrator.Worker.Agent.Tasks;
using Orchestrator.Worker.Agent.Trainers;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Tests;

public sealed class SmallPartsTests
{
    private static readonly TaskKey Task1 = new("run", 1, 0);

    [Theory]
    [InlineData(137, null, "last line", "lost")]
    [InlineData(137, "it had 2 GiB", "last line", "out-of-memory")]
    [InlineData(139, "it had 2 GiB", "last line", "lost")]
    [InlineData(134, null, "last line", "lost")]
    [InlineData(134, null, "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc", "out-of-memory")]
    [InlineData(134, null, "Out of memory.", "out-of-memory")]
    [InlineData(143, null, "last line", "lost")]
    [InlineData(3, null, "last line", "user")]
    [InlineData(0, null, "last line", "user")]
    public void Exit_without_a_word_has_a_kind(int exitCode, string? memory, string tail, string kind)
    {
        var failed = ExitVerdict.Of(exitCode, memory, tail);

        Assert.Equal((kind, tail, -1), (failed.Kind, failed.Detail, failed.SuspectRank));
        Assert.Equal(memory is not null && kind == "out-of-memory", memory is not null && failed.Message.EndsWith(memory, StringComparison.Ordinal));
    }

    [Fact]
    public void Trainer_that_freezes_before_its_first_word_of_progress_falls_silent_all_the_same()
    {
        var time = new FakeTimeProvider();
        var clock = new ProgressClock(Task1, time);
        clock.Started(7);
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal((0, 9000), (clock.Read().SilentMilliseconds, clock.Read().StalledMilliseconds));

        clock.Reported("waiting");
        clock.Reported("training");
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(("training", 2000, 2000), (clock.Read().Phase, clock.Read().SilentMilliseconds, clock.Read().StalledMilliseconds));

        // What it says itself counts for more than what its reports let guess.
        clock.Heard(new V1.TaskProgress { Phase = "waiting", Step = 3 });
        clock.Reported("training");
        Assert.Equal(("waiting", 3), (clock.Read().Phase, clock.Read().Step));
    }

    [Fact]
    public void Evaluation_that_goes_on_batch_by_batch_does_not_stall_and_a_step_does()
    {
        var time = new FakeTimeProvider();
        var clock = new ProgressClock(Task1, time);
        foreach (var (phase, words, stalled) in new[] { ("evaluating", 2, 0), ("evaluating", 1, 5000), ("training", 2, 5000) })
        {
            // The second word may be the first one again.
            clock.Heard(new V1.TaskProgress { Phase = "", Words = 0 });
            clock.Heard(new V1.TaskProgress { Phase = phase, Words = 1 });
            time.Advance(TimeSpan.FromSeconds(5));
            clock.Heard(new V1.TaskProgress { Phase = phase, Words = words });
            Assert.Equal(stalled, clock.Read().StalledMilliseconds);
        }
    }

    [Fact]
    public void Connection_that_breaks_is_tried_again_and_a_disk_that_is_full_is_not()
    {
        Assert.True(Retries.IsTransient(new IOException("The request was aborted.", new IOException("Unable to write", new System.Net.Sockets.SocketException(32)))));
        Assert.True(Retries.IsTransient(new Grpc.Core.RpcException(new Grpc.Core.Status(Grpc.Core.StatusCode.Unavailable, ""))));
        Assert.False(Retries.IsTransient(new Grpc.Core.RpcException(new Grpc.Core.Status(Grpc.Core.StatusCode.Unauthenticated, ""))));
        Assert.False(Retries.IsTransient(new IOException("No space left on device")));
    }

    [Fact]
    public void Exception_of_a_trainer_has_a_kind()
    {
        Assert.Equal(("lost", 3), Kind(new CollectiveException(CollectiveFailure.PeerLost, 3, "gone")));
        Assert.Equal(("diverged", -1), Kind(new DivergedException(7, "loss")));
        Assert.Equal(("corrupt", -1), Kind(new CorruptCheckpointException("folder", "bad")));
        Assert.Equal(("out-of-memory", -1), Kind(new OutOfMemoryException()));
        Assert.Equal(("out-of-memory", -1), Kind(new System.Runtime.InteropServices.ExternalException("DefaultCPUAllocator: can't allocate memory")));
        Assert.Equal(("lost", -1), Kind(new IOException("No space left on device", 28)));
        Assert.Equal(("user", -1), Kind(new IOException("Is a directory", 21)));
        Assert.Equal(("user", -1), Kind(new InvalidOperationException("mine")));
    }

    [Fact]
    public async Task Lines_are_cut_where_they_end_and_where_they_are_too_long()
    {
        var lines = new List<string>();
        var text = "one\r\ntwo\n" + new string('x', LineSplitter.LongestLine + 5) + "\nno end";
        await LineSplitter.ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(text)), lines.Add, TestContext.Current.CancellationToken);

        Assert.Equal(["one", "two", new string('x', LineSplitter.LongestLine), "xxxxx", "no end"], lines);
    }

    [Fact]
    public void Log_buffer_drops_the_oldest_lines_and_says_how_many()
    {
        var buffer = new LogBuffer(greatestLines: 3, TimeProvider.System);
        foreach (var line in (string[])["a", "b", "c", "d", "e"])
        {
            buffer.Add(Task1, line);
        }

        var log = buffer.Take()!;
        Assert.Equal(["c", "d", "e"], log.Lines.Skip(1));
        Assert.Contains("2 older lines", log.Lines[0], StringComparison.Ordinal);
        Assert.Equal(log.Lines.Count, log.UnixNano.Count);
        Assert.Null(buffer.Take());
    }

    [Fact]
    public void Log_message_holds_lines_of_one_task()
    {
        var buffer = new LogBuffer(greatestLines: 10, TimeProvider.System);
        buffer.Add(Task1, "a");
        buffer.Add(Task1 with { Rank = 1 }, "b");
        buffer.Add(Task1, "c");

        Assert.Equal([(0, "a"), (1, "b"), (0, "c")], new[] { buffer.Take()!, buffer.Take()!, buffer.Take()! }.Select(log => (log.Rank, log.Lines.Single())));
    }

    [Theory]
    [InlineData("20000-20100", true)]
    [InlineData("20000-20000", true)]
    [InlineData("20000", false)]
    [InlineData("2-1", false)]
    [InlineData("0-5", false)]
    [InlineData("1-70000", false)]
    public void Port_range_is_read_or_refused(string text, bool valid) => Assert.Equal(valid ? text : null, PortRange.TryParse(text)?.ToString());

    [Fact]
    public void Peers_listen_within_the_open_ports()
    {
        using var first = Peers.Listen("127.0.0.1", new PortRange(23451, 23499));
        using var second = Peers.Listen("127.0.0.1", new PortRange(23451, 23499));
        Assert.NotEqual(first.Address, second.Address);
        Assert.All([first, second], peers => Assert.InRange(int.Parse(peers.Address.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture), 23451, 23499));
    }

    private static (string Kind, int Suspect) Kind(Exception failure) => (FailureKinds.Of(failure).Kind, FailureKinds.Of(failure).SuspectRank);
}

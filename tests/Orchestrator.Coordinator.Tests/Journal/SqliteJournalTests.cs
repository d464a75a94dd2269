using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Journal;

public sealed class SqliteJournalTests : JournalConformance
{
    private readonly TemporaryFolder folder = new();
    private readonly FakeTimeProvider clock = new(DateTimeOffset.UnixEpoch.AddYears(50));

    protected override JournalOptions Options => new() { Database = $"sqlite:{folder["deep/journal.db"]}", LockTimeout = TimeSpan.FromSeconds(20) };

    protected override TimeProvider Time => clock;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Events_carry_the_time_of_the_clock_that_was_given()
    {
        await Journal.AppendAsync(new StreamId("run", "r"), 0, [Event("a")], Token);
        Assert.Equal(clock.GetUtcNow(), (await Journal.ReadAllAsync(0, Token).ToListAsync(Token)).Single().At);
    }

    [Fact]
    public void A_plain_path_is_a_SQLite_file()
    {
        using var journal = JournalSetup.Open(new JournalOptions { Database = folder["plain.db"] }, clock);
        Assert.True(File.Exists(folder["plain.db"]));
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused()
    {
        File.WriteAllText(folder["notes.txt"], new string('x', 5000));
        AssertRefused("journal-corrupt", folder["notes.txt"]);
    }

    [Fact]
    public void A_folder_is_refused() => AssertRefused("journal-denied", folder.Path);

    [Fact]
    public void A_path_through_a_file_is_refused()
    {
        File.WriteAllText(folder["file"], "");
        AssertRefused("journal-denied", folder["file/journal.db"]);
    }

    [Fact]
    public void A_journal_of_a_newer_version_is_refused()
    {
        Execute("insert into SchemaVersions (ScriptName, Applied) values ('Orchestrator.Journal.9999-later.sql', '2030-01-01')");
        AssertRefused("journal-newer", folder["deep/journal.db"]);
    }

    [Fact]
    public async Task A_file_that_another_program_holds_is_reported_as_locked_and_works_again_afterwards()
    {
        var impatient = OpenAnother(options => options with { LockTimeout = TimeSpan.FromSeconds(1) });
        using (var connection = new SqliteConnection($"Data Source={folder["deep/journal.db"]};Pooling=False"))
        {
            connection.Open();
            using var transaction = connection.BeginTransaction(deferred: false);
            var refused = await Assert.ThrowsAsync<JournalException>(() => impatient.AppendAsync(new StreamId("run", "r"), 0, [Event("a")], Token));
            Assert.Equal(("journal-locked", true), (refused.Code, refused.Passing));
        }

        Assert.Equal(1, await impatient.AppendAsync(new StreamId("run", "r"), 0, [Event("a")], Token));
    }

    [Fact]
    public async Task An_append_that_the_database_refuses_leaves_nothing_and_the_next_one_works()
    {
        Execute("create trigger full before insert on events when new.type = 'bad' begin select raise(abort, 'no'); end");
        await Assert.ThrowsAsync<JournalException>(() => Journal.AppendAsync(new StreamId("run", "r"), 0, [Event("good"), Event("bad")], Token));
        Assert.Empty(await Journal.ReadAllAsync(0, Token).ToListAsync(Token));
        Assert.Equal(1, await Journal.AppendAsync(new StreamId("run", "r"), 0, [Event("good")], Token));
    }

    [Theory]
    [InlineData(13, "journal-full", true)]
    [InlineData(5, "journal-locked", true)]
    [InlineData(8, "journal-denied", false)]
    [InlineData(10, "journal-unreachable", true)]
    public void Result_codes_become_errors_with_a_mend(int code, string expected, bool passing)
    {
        var error = SqliteErrors.Explain(new SqliteException("driver's words", code), "/data/journal.db");
        Assert.Equal((expected, passing), (error.Code, error.Passing));
        Assert.Contains("/data/journal.db", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.Mend);
    }

    protected override ValueTask PrepareAsync() => ValueTask.CompletedTask;

    protected override void PassTime(TimeSpan time) => clock.Advance(time);

    private void AssertRefused(string code, string path)
    {
        var refused = Assert.Throws<JournalException>(() => JournalSetup.Open(new JournalOptions { Database = path, LockTimeout = TimeSpan.FromSeconds(1) }, clock));
        Assert.Equal(code, refused.Code);
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.NotEmpty(refused.Mend);
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={folder["deep/journal.db"]};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}

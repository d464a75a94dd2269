using System.Globalization;
using Orchestrator.Coordinator.Journal;
using Orchestrator.Testing;

namespace Orchestrator.Coordinator.Tests.Journal;

public sealed class PostgresJournalTests(TestServers servers) : JournalConformance
{
    private PostgresServer server = null!;
    private string database = "";

    protected override JournalOptions Options => new() { Database = database };

    protected override TimeProvider Time => TimeProvider.System;

    [Fact]
    public void A_wrong_password_is_refused_without_showing_it() =>
        AssertRefused("journal-denied", database.Replace("Password=secret", "Password=guessed", StringComparison.Ordinal), "guessed");

    [Fact]
    public void An_unknown_database_is_refused() =>
        AssertRefused("journal-unknown", server.ConnectionString.Replace("Database=postgres", "Database=nowhere", StringComparison.Ordinal), "secret");

    [Fact]
    public void A_server_that_is_not_there_is_refused() =>
        AssertRefused("journal-unreachable", $"Host=127.0.0.1;Port={FreePort.Next().ToString(CultureInfo.InvariantCulture)};Username=orch;Password=hidden", "hidden");

    [Fact]
    public void Words_that_are_no_connection_string_are_refused() => AssertRefused("journal-address", "Host=db;Colour=hidden", "=hidden");

    [Fact]
    public async Task Coordinators_that_start_together_make_the_tables_once()
    {
        var empty = server.CreateDatabase();
        var opened = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => JournalSetup.Open(new JournalOptions { Database = empty }, Time))));
        foreach (var journal in opened)
        {
            await journal.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_server_that_was_killed_is_found_again_and_keeps_what_it_confirmed()
    {
        using var mortal = await PostgresServer.StartNewAsync();
        await using var journal = JournalSetup.Open(new JournalOptions { Database = mortal.CreateDatabase() }, Time);
        var run = new StreamId("run", "r");
        await journal.AppendAsync(run, 0, [Event("before")], Token);

        mortal.Kill();
        var refused = await Assert.ThrowsAsync<JournalException>(() => journal.AppendAsync(run, 1, [Event("lost")], Token));
        Assert.True(refused.Passing, $"{refused.Code}: {refused.Message}");
        await mortal.StartAsync();

        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    return await journal.AppendAsync(run, 1, [Event("after")], Token) == 2;
                }
                catch (JournalException exception) when (exception.Passing)
                {
                    return false;
                }
            },
            TimeSpan.FromMinutes(2));
        Assert.Equal(["before", "after"], (await journal.ReadStreamAsync(run, 0, Token).ToListAsync(Token)).Select(row => row.Type));
    }

    protected override async ValueTask PrepareAsync()
    {
        server = await servers.PostgresAsync();
        database = server.CreateDatabase();
    }

    // The database's own clock decides.
    protected override void PassTime(TimeSpan time)
    {
    }

    private void AssertRefused(string code, string address, string secret)
    {
        var refused = Assert.Throws<JournalException>(() => JournalSetup.Open(new JournalOptions { Database = address }, Time));
        Assert.True(code == refused.Code, refused.ToString());
        Assert.DoesNotContain('\n', refused.Message);
        Assert.DoesNotContain(secret, refused.Message, StringComparison.Ordinal);
        Assert.NotEmpty(refused.Mend);
    }
}

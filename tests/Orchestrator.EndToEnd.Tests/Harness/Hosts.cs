using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.EndToEnd.Tests.Harness;

/// <summary>
/// Hosts on this machine: a network namespace each, with one card that leads to a router in another. What the router does not let through from one host to another is lost on the way, and nobody is told. Nothing
/// of it is seen outside, and what holds it ends with this process. Takes root, policy routing in the kernel, and the programs <c>ip</c>, <c>nsenter</c> and <c>unshare</c>.
/// </summary>
internal sealed class Hosts : IDisposable
{
    private readonly List<Process> holders = [];
    private readonly List<string> cuts = [];

    private Hosts()
    {
    }

    public static async Task<Hosts> CreateAsync(int count)
    {
        Assert.True(Environment.IsPrivilegedProcess, "this test makes network namespaces: run it as root");
        var hosts = new Hosts();
        try
        {
            var router = await hosts.HoldAsync();
            for (var host = 0; host < count; host++)
            {
                var pid = hosts.holders[await hosts.HoldAsync()].Id;
                await hosts.RunAsync(router, Text($"ip link add port{host} type veth peer name card netns {pid}"));
                await hosts.RunAsync(router, Text($"ip address add {Gateway(host)}/24 dev port{host}"));
                await hosts.RunAsync(router, Text($"ip link set port{host} up"));
                await hosts.RunAsync(host + 1, "ip link set lo up");
                await hosts.RunAsync(host + 1, $"ip address add {Address(host)}/24 dev card");
                await hosts.RunAsync(host + 1, "ip link set card up");
                await hosts.RunAsync(host + 1, $"ip route add default via {Gateway(host)}");
            }

            return hosts;
        }
        catch
        {
            hosts.Dispose();
            throw;
        }
    }

    /// <summary>Of a host, from 0, as the others reach it.</summary>
    public static string Address(int host) => Text($"10.0.{host}.2");

    /// <summary>What stands before a program and its arguments to start it there.</summary>
    public IReadOnlyList<string> Prefix(int host) => Enter(host + 1);

    /// <summary>What the one of a pair says to the other does not arrive from now on.</summary>
    public async Task CutAsync(params (int From, int To)[] pairs)
    {
        string[] more = [.. pairs.Select(pair => $"from {Address(pair.From)} to {Address(pair.To)} blackhole")];
        await RuleAsync("add", more);
        cuts.AddRange(more);
    }

    /// <summary>Everybody reaches everybody again.</summary>
    public async Task HealAsync()
    {
        await RuleAsync("delete", cuts);
        cuts.Clear();
    }

    /// <summary>The namespaces go with who holds them, and the cards with the namespaces.</summary>
    public void Dispose()
    {
        foreach (var holder in holders)
        {
            holder.Kill();
            holder.WaitForExit();
            holder.Dispose();
        }
    }

    private static string Gateway(int host) => Text($"10.0.{host}.1");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private string[] Enter(int holder) => ["nsenter", Text($"--net=/proc/{holders[holder].Id}/ns/net")];

    /// <returns>Its number.</returns>
    private async Task<int> HoldAsync()
    {
        // Packets pass through, whatever way the answers take. It ends with its input, which is ours.
        const string Script = "cd /proc/sys/net/ipv4 && echo 1 > ip_forward && echo 0 > conf/all/rp_filter && echo 0 > conf/default/rp_filter && echo && exec cat";
        var holder = Process.Start(new ProcessStartInfo("unshare", ["--net", "sh", "-c", Script]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true })!;
        holders.Add(holder);
        Assert.NotNull(await holder.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        return holders.Count - 1;
    }

    /// <summary>All at once: a program for each would take as long as a network may be away without anybody's noticing.</summary>
    private async Task RuleAsync(string what, IReadOnlyCollection<string> rules)
    {
        if (rules.Count > 0)
        {
            await RunAsync(0, ["sh", "-c", string.Join(" && ", rules.Select(rule => $"ip rule {what} {rule}"))]);
        }
    }

    private Task RunAsync(int holder, string command) => RunAsync(holder, command.Split(' '));

    private async Task RunAsync(int holder, string[] command)
    {
        string[] words = [.. Enter(holder), .. command];
        using var process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { UseShellExecute = false, RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', command)}: {errors}");
    }
}

using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Orchestrator.Worker.Bench;

/// <summary>Two hosts on one machine: network namespaces with a pair of virtual cards between them, each of which sends no faster than a rate. Takes root, and the programs <c>ip</c> and <c>tc</c>.</summary>
internal sealed class SlowLink : IAsyncDisposable
{
    private const string Card = "card";
    private const string NamePrefix = "orch-bench-";

    /// <summary>Where the kernel shows them.</summary>
    private const string Namespaces = "/run/netns";
    private const int LargestPacket = 32768;

    private readonly string[] names = [.. Enumerable.Range(0, 2).Select(host => string.Create(CultureInfo.InvariantCulture, $"{NamePrefix}{Environment.ProcessId}-{host}"))];

    private SlowLink()
    {
    }

    /// <returns>Null and the reason where this machine does not allow it.</returns>
    public static async Task<(SlowLink? Link, string Obstacle)> TryCreateAsync(int megabits, CancellationToken cancellationToken)
    {
        var link = new SlowLink();
        try
        {
            await SweepAsync();
            foreach (var name in link.names)
            {
                await RunAsync($"ip netns add {name}", cancellationToken);
            }

            await RunAsync($"ip -n {link.names[0]} link add {Card} type veth peer name {Card} netns {link.names[1]}", cancellationToken);
            for (var host = 0; host < link.names.Length; host++)
            {
                await RunAsync($"ip -n {link.names[host]} address add {Address(host)}/30 dev {Card}", cancellationToken);
                // As large as the bucket lets through whole: cut to 1,500 bytes, each of which is let wait by a timer, the link itself takes 7 % of both cores.
                await RunAsync($"ip -n {link.names[host]} link set {Card} gso_max_size {LargestPacket} up", cancellationToken);
                await RunAsync(string.Create(CultureInfo.InvariantCulture, $"tc -n {link.names[host]} qdisc add dev {Card} root tbf rate {megabits}mbit burst 64kb latency 400ms"), cancellationToken);
            }

            return (link, "");
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException)
        {
            await link.DisposeAsync();
            return (null, error.Message);
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }

    /// <summary>Of a host, as the other one reaches it.</summary>
    public static string Address(int host) => string.Create(CultureInfo.InvariantCulture, $"10.0.0.{host + 1}");

    /// <summary>What stands before a program and its arguments to start it on a host.</summary>
    public IReadOnlyList<string> Prefix(int host) => ["ip", "netns", "exec", names[host]];

    /// <summary>The cards go with their namespaces.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var name in names)
        {
            await DeleteAsync(name);
        }
    }

    /// <summary>A bench that was killed leaves its hosts behind.</summary>
    private static async Task SweepAsync()
    {
        var left = Directory.Exists(Namespaces) ? Directory.GetFiles(Namespaces, NamePrefix + "*") : [];
        foreach (var name in left.Select(path => Path.GetFileName(path)).Where(name => !Directory.Exists($"/proc/{name[NamePrefix.Length..].Split('-')[0]}")))
        {
            await DeleteAsync(name);
        }
    }

    private static async Task DeleteAsync(string name)
    {
        try
        {
            await RunAsync($"ip netns delete {name}", CancellationToken.None);
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException)
        {
            // It was not made.
        }
    }

    private static async Task RunAsync(string command, CancellationToken cancellationToken)
    {
        var words = command.Split(' ');
        using var process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true })!;
        var errors = await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command}: {errors.Trim()}");
        }
    }
}

using System.Text;

namespace Orchestrator.Collectives.SharedMemory;

/// <summary>
/// Which ranks share memory. Every rank offers its segment to all, tries to open the others', and says what came of it; those who can
/// all read each other are a host, whatever their names and addresses. All ranks come to the same hosts.
/// </summary>
/// <param name="Hosts">The ranks of each host, ascending; in the order of their first ranks.</param>
/// <param name="Segments">By rank: those that this rank reads.</param>
/// <param name="Obstacle">Why the first rank that is not on this host is not; null where all are.</param>
internal sealed record HostMeeting(int[][] Hosts, PeerSegment?[] Segments, string? Obstacle)
{
    /// <param name="mine">Null where this rank has none: <paramref name="why"/>.</param>
    /// <param name="gather">Everybody's bytes, in rank order.</param>
    public static HostMeeting Hold(int rank, int worldSize, SegmentOffer? mine, string? why, Func<byte[], byte[][]> gather)
    {
        var offers = gather(mine?.ToBytes() ?? []).Select(offer => SegmentOffer.Read(offer)).ToArray();
        var segments = new PeerSegment?[worldSize];
        var obstacles = new string?[worldSize];
        try
        {
            for (var peer = 0; peer < worldSize; peer++)
            {
                if (peer != rank)
                {
                    (segments[peer], obstacles[peer]) = Try(mine, why, offers[peer], peer);
                }
            }

            // By rank: what it says of each of the others; nothing where it reads them.
            var said = gather(Encoding.UTF8.GetBytes(string.Join('\n', obstacles)))
                .Select(bytes => Encoding.UTF8.GetString(bytes).Split('\n')).ToArray();
            var hosts = GroupsOf(worldSize, (one, other) => Reads(said, one, other) && Reads(said, other, one));
            var host = hosts.First(ranks => ranks.Contains(rank));
            for (var peer = 0; peer < worldSize; peer++)
            {
                if (!host.Contains(peer))
                {
                    segments[peer]?.Dispose();
                    segments[peer] = null;
                }
            }

            var apart = Enumerable.Range(0, worldSize).Where(peer => !host.Contains(peer)).ToArray();
            var obstacle = apart.Select(peer => obstacles[peer]).FirstOrDefault(text => !string.IsNullOrEmpty(text))
                ?? apart.Where(peer => said[peer].Length == worldSize).Select(peer => said[peer][rank]).FirstOrDefault();
            return new HostMeeting(hosts, segments, apart.Length == 0 ? null : obstacle);
        }
        catch
        {
            Array.ForEach(segments, segment => segment?.Dispose());
            throw;
        }
    }

    /// <summary>Each joins the first group all of whose members it knows.</summary>
    internal static int[][] GroupsOf(int count, Func<int, int, bool> know)
    {
        var groups = new List<List<int>>();
        for (var member = 0; member < count; member++)
        {
            var group = groups.Find(members => members.TrueForAll(other => know(member, other)));
            if (group is null)
            {
                groups.Add(group = []);
            }

            group.Add(member);
        }

        return [.. groups.Select(group => group.ToArray())];
    }

    private static bool Reads(string[][] said, int one, int other) => said[one].Length == said.Length && said[one][other].Length == 0;

    private static (PeerSegment? Segment, string? Obstacle) Try(SegmentOffer? mine, string? why, SegmentOffer? offer, int peer)
    {
        if (mine is null)
        {
            return (null, why ?? "this rank shares no memory");
        }

        if (offer is null)
        {
            return (null, $"rank {peer} shares no memory");
        }

        if (offer.Host != mine.Host)
        {
            return (null, $"rank {peer} is on another host");
        }

        try
        {
            return (PeerSegment.Open(offer), null);
        }
        catch (IOException error)
        {
            return (null, $"rank {peer}'s memory can't be read: {error.Message.ReplaceLineEndings(" ")}");
        }
    }
}

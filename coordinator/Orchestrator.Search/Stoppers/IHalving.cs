namespace Orchestrator.Search;

/// <summary>Pauses trials at rungs and lets the best share of each go on to the next: how trials are dealt to brackets. What happens at a rung is the same for all.</summary>
public interface IHalving
{
    /// <summary>As sweep files name it.</summary>
    string Name { get; }

    /// <summary>One in this many goes on.</summary>
    int Reduction { get; }

    /// <summary>The bracket that a trial belongs to.</summary>
    /// <param name="trial">From 0.</param>
    /// <param name="trials">Of the whole sweep.</param>
    Bracket BracketOf(int trial, int trials);

    Bracket BracketAt(int index, int trials);
}

/// <summary>Trials that compete with each other.</summary>
/// <param name="Index">From 0.</param>
/// <param name="Rungs">The epochs after which they are compared, ascending; none where they train to the end.</param>
/// <param name="Size">How many it has.</param>
/// <param name="IsSynchronous">A rung waits until everybody has come to it; otherwise whoever is good enough among those who have is promoted at once.</param>
public sealed record Bracket(int Index, IReadOnlyList<int> Rungs, int Size, bool IsSynchronous)
{
    /// <summary>The rung that a trial of so many epochs comes to next; the number of rungs where it has passed them all.</summary>
    public int NextRung(int epochs)
    {
        var rung = 0;
        while (rung < Rungs.Count && Rungs[rung] <= epochs)
        {
            rung++;
        }

        return rung;
    }

    /// <summary>From the lowest epoch up, each <paramref name="reduction"/> times the one before, below the greatest.</summary>
    /// <param name="maxEpochs">0 where there is no greatest.</param>
    public static IReadOnlyList<int> Geometric(int minEpochs, int maxEpochs, int reduction)
    {
        var rungs = new List<int>();
        for (long epoch = Math.Max(1, minEpochs); epoch < (maxEpochs == 0 ? int.MaxValue : maxEpochs); epoch *= reduction)
        {
            rungs.Add((int)epoch);
        }

        return rungs;
    }
}

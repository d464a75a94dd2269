using System.Collections.Immutable;

namespace Orchestrator.Search;

/// <summary>The rungs of all brackets: who may go on, and who never will. Immutable; every question is answered in logarithmic time.</summary>
public sealed record Ladder
{
    private const int MostRungs = 64;

    public static Ladder Empty { get; } = new();

    /// <summary>By bracket and rung.</summary>
    public ImmutableSortedDictionary<int, Rung> Rungs { get; init; } = ImmutableSortedDictionary<int, Rung>.Empty;

    /// <summary>Those at which somebody rests, the highest rung of the earliest bracket first.</summary>
    public ImmutableSortedSet<int> Open { get; init; } = [];

    public Rung At(int bracket, int rung) => Rungs.GetValueOrDefault(Key(bracket, rung), Rung.Empty);

    /// <summary>A trial has come to a rung, and rests.</summary>
    public Ladder Enter(int bracket, int rung, RungEntry entry) => With(bracket, rung, at => at with { Entries = at.Entries.Add(entry), Resting = at.Resting.Add(entry) });

    public Ladder Promote(int bracket, int rung, RungEntry entry) => With(bracket, rung, at => at with { Resting = at.Resting.Remove(entry), Promoted = at.Promoted + 1 });

    public Ladder Stop(int bracket, int rung, RungEntry entry) => With(bracket, rung, at => at with { Resting = at.Resting.Remove(entry) });

    /// <summary>A trial has ended on its way to a rung.</summary>
    public Ladder Miss(int bracket, int rung) => With(bracket, rung, at => at with { Missed = at.Missed + 1 });

    /// <summary>The trial that goes on next; null where none may.</summary>
    /// <param name="trials">Of the whole sweep.</param>
    public RungEntry? Promotable(IHalving halving, int trials)
    {
        foreach (var key in Open)
        {
            var (bracket, rung) = Place(key);
            var at = Rungs[key];
            var best = at.Resting.Min;
            if (at.RankOf(best) < Quota(halving, halving.BracketAt(bracket, trials), rung))
            {
                return best;
            }
        }

        return null;
    }

    /// <summary>A trial that rests in the bracket and that nothing that is still to come can promote; null where there is none.</summary>
    public RungEntry? Hopeless(IHalving halving, Bracket bracket)
    {
        for (var rung = 0; rung < bracket.Rungs.Count; rung++)
        {
            if (!Rungs.TryGetValue(Key(bracket.Index, rung), out var at) || at.Resting.IsEmpty)
            {
                continue;
            }

            var worst = at.Resting.Max;
            var most = !bracket.IsSynchronous ? Math.Max(1, bracket.Size / halving.Reduction)
                : IsComplete(halving, bracket, rung) ? Quota(halving, bracket, rung)
                : int.MaxValue;
            if (at.RankOf(worst) >= most)
            {
                return worst;
            }
        }

        return null;
    }

    /// <summary>The best of the highest rung at which anybody rests.</summary>
    public RungEntry? Foremost(IHalving halving, int trials) => Open
        .Select(key => (Place(key).Rung, halving.BracketAt(Place(key).Bracket, trials), Rungs[key].Resting.Min))
        .OrderByDescending(open => open.Item2.Rungs[open.Rung])
        .Select(open => (RungEntry?)open.Min)
        .FirstOrDefault();

    /// <summary>How many of those who have come to a rung go on, as things stand.</summary>
    private int Quota(IHalving halving, Bracket bracket, int rung)
    {
        var at = At(bracket.Index, rung);
        return !bracket.IsSynchronous ? at.Entries.Count / halving.Reduction
            : IsComplete(halving, bracket, rung) ? Math.Min(at.Entries.Count, Math.Max(1, at.Known / halving.Reduction))
            : 0;
    }

    /// <summary>Whether everybody who could come to a synchronous rung has come, or has ended on the way.</summary>
    private bool IsComplete(IHalving halving, Bracket bracket, int rung) =>
        At(bracket.Index, rung).Known >= (rung == 0 ? bracket.Size : IsComplete(halving, bracket, rung - 1) ? Math.Max(1, Quota(halving, bracket, rung - 1)) : int.MaxValue);

    private Ladder With(int bracket, int rung, Func<Rung, Rung> change)
    {
        var key = Key(bracket, rung);
        var next = change(At(bracket, rung));
        return this with { Rungs = Rungs.SetItem(key, next), Open = next.Resting.IsEmpty ? Open.Remove(key) : Open.Add(key) };
    }

    private static int Key(int bracket, int rung) => (bracket * MostRungs) + (MostRungs - 1 - rung);

    private static (int Bracket, int Rung) Place(int key) => (key / MostRungs, MostRungs - 1 - (key % MostRungs));
}

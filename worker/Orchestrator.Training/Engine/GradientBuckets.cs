namespace Orchestrator.Training.Engine;

/// <summary>Columns of a row of partial sums.</summary>
internal readonly record struct Columns(int First, int Length);

/// <summary>
/// A row in pieces that are summed one after the other: the last parameters first, as backward comes to them; each has as many whole parameters as make it worth a message. The same on every rank,
/// for the model alone decides them.
/// </summary>
internal sealed class GradientBuckets
{
    /// <summary>1 MB: a tenth of a second at 100 Mbit/s, and large beside what a message costs.</summary>
    public const int LeastElements = 1 << 18;

    private readonly List<Columns> all = [];
    private readonly int[] bucketOf;
    private readonly int[] parameters;
    private readonly bool[] settled;
    private readonly int[] left;

    /// <param name="slots">Of the parameters, from <paramref name="gradient"/> on.</param>
    /// <param name="gradient">Columns before the first parameter's: summed last.</param>
    public GradientBuckets(IReadOnlyList<FlatSlot> slots, int gradient, int stride, int leastElements)
    {
        bucketOf = new int[slots.Count];
        settled = new bool[slots.Count];
        var end = stride;
        for (var index = slots.Count - 1; index >= 0; index--)
        {
            bucketOf[index] = all.Count;
            var first = index == 0 ? 0 : gradient + slots[index].Offset;
            if (end - first >= leastElements || index == 0)
            {
                all.Add(new Columns(first, end - first));
                end = first;
            }
        }

        parameters = [.. Enumerable.Range(0, all.Count).Select(bucket => bucketOf.Count(of => of == bucket))];
        left = [.. parameters];
    }

    /// <summary>In the order in which they are summed.</summary>
    public IReadOnlyList<Columns> All => all;

    public int BucketOf(int parameter) => bucketOf[parameter];

    public void Restart()
    {
        Array.Clear(settled);
        parameters.CopyTo(left, 0);
    }

    /// <summary>A parameter has its gradient.</summary>
    public void Settle(int parameter)
    {
        if (!settled[parameter])
        {
            settled[parameter] = true;
            left[bucketOf[parameter]]--;
        }
    }

    public bool IsWhole(int bucket) => left[bucket] == 0;
}

using Orchestrator.Data.Sampling;

namespace Orchestrator.Data;

/// <summary>A split as a trial sees it.</summary>
public enum SplitName
{
    Train,
    Validation,
    Test,
}

/// <summary>
/// Which rows train, validate and test. The source's own split is kept where it has one. Where it has a test part and no validation part,
/// a tenth of the train rows becomes
/// validation; where it has neither, a tenth each becomes validation and test. Of n rows, ceil(n / 10) validate and floor((n + 4) / 10)
/// test, taken evenly from the classes and chosen by a hash of
/// (split seed, row): the same on every machine, and the same counts for every seed.
/// </summary>
public sealed class SplitRule
{
    private readonly long pool;
    private readonly long ownValidation;
    private readonly long ownTest;

    private SplitRule(long pool, long ownValidation, long ownTest)
    {
        this.pool = pool;
        this.ownValidation = ownValidation;
        this.ownTest = ownTest;
        TakesValidation = ownValidation == 0;
        TakesTest = ownValidation == 0 && ownTest == 0;
    }

    public static SplitRule Of(DatasetManifest manifest) => new(
        manifest.SourceRows(SourceSplit.All) + manifest.SourceRows(SourceSplit.Train),
        manifest.SourceRows(SourceSplit.Validation),
        manifest.SourceRows(SourceSplit.Test));

    /// <summary>A tenth of the train rows becomes validation.</summary>
    public bool TakesValidation { get; }

    /// <summary>Another tenth becomes test.</summary>
    public bool TakesTest { get; }

    public long Rows(SplitName split)
    {
        var validation = TakesValidation ? Validates(pool) : 0;
        var test = TakesTest ? Tests(pool) : 0;
        return split switch
        {
            SplitName.Train => pool - validation - test,
            SplitName.Validation => validation + ownValidation,
            SplitName.Test => test + ownTest,
            _ => throw new ArgumentOutOfRangeException(nameof(split)),
        };
    }

    /// <summary>Cuts the train rows. Each result is ascending.</summary>
    /// <param name="classes">The class of each row; empty where there are no classes: all rows count as one.</param>
    public (long[] Train, long[] Validation, long[] Test) Cut(long rows, ReadOnlySpan<long> classes, long splitSeed)
    {
        var byClass = new SortedDictionary<long, List<(ulong Hash, long Row)>>();
        for (var row = 0L; row < rows; row++)
        {
            var label = classes.IsEmpty ? 0 : classes[(int)row];
            if (!byClass.TryGetValue(label, out var members))
            {
                byClass.Add(label, members = []);
            }

            members.Add((new CounterRandom(splitSeed, RandomStream.Split, row).NextUInt64(), row));
        }

        var (train, validation, test) = (new List<long>(), new List<long>(), new List<long>());
        var before = 0L;
        foreach (var members in byClass.Values)
        {
            // A class's share is the difference of the running tenths: within one of its own tenth, and all together exact.
            members.Sort();
            var after = before + members.Count;
            var validate = TakesValidation ? Validates(after) - Validates(before) : 0;
            var hold = TakesTest ? Tests(after) - Tests(before) : 0;
            before = after;
            for (var index = 0; index < members.Count; index++)
            {
                var part = index < validate ? validation : index < validate + hold ? test : train;
                part.Add(members[index].Row);
            }
        }

        return (Ascending(train), Ascending(validation), Ascending(test));
    }

    private static long[] Ascending(List<long> rows)
    {
        rows.Sort();
        return [.. rows];
    }

    private static long Validates(long rows) => (rows + 9) / 10;

    // Half a tenth out of step with the above, so that no class has to give a row to both where it has one only.
    private static long Tests(long rows) => (rows + 4) / 10;
}

namespace Orchestrator.Data.Tests;

/// <summary>Values that must never change: files, hashes and weights in the world depend on them.</summary>
internal static class Golden
{
    /// <summary>The first ten of 1,000, seed 7, epoch 2.</summary>
    public static readonly long[] Order = [608, 101, 832, 612, 625, 973, 265, 760, 929, 715];

    /// <summary>Labels of the first ten rows of the digits that validate with split seed 0.</summary>
    public static readonly long[] DigitsValidation = [3, 1, 9, 2, 6, 1, 1, 6, 9, 5];

    public const string DigitsManifest = "7493e307cf5361f87fa0d749a69221981d18287f003d5367d2dd28bd2094f60a";

    public const string FashionManifest = "99b802fb1d73401298f8488db1fa7ac9f7e371381774c8587d94c267ec39e486";
}

namespace Orchestrator.Training;

/// <summary>The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the input moves about half of the output's.</summary>
internal static class Mixing
{
    public static ulong Finish(ulong value)
    {
        unchecked
        {
            value += 0x9E3779B97F4A7C15;
            value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            return value ^ (value >> 31);
        }
    }
}

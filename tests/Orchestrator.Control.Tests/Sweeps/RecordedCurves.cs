using System.Globalization;
using Orchestrator.Search;

namespace Orchestrator.Control.Tests.Sweeps;

/// <summary>
/// What real trials reported at each of 27 epochs, drawn ones of the spaces in Curves/*.yaml: dense and convolutional networks on the digits. Trained by
/// <c>orch sweep submit Curves/digits-mlp.yaml</c>, which gives the same bits on every machine; read from the history of each run.
/// </summary>
internal sealed class RecordedCurves
{
    public const int Epochs = 27;

    private readonly double[][] values;

    private RecordedCurves(double[][] values) => this.values = values;

    /// <summary>Of the 180 images of the validation split, how many were right.</summary>
    public static RecordedCurves Accuracy(string model) => Read($"digits-{model}.accuracy.csv");

    public static RecordedCurves Loss(string model) => Read($"digits-{model}.loss.csv");

    public int Count => values.Length;

    public double At(int trial, int epoch) => values[trial][epoch - 1];

    public double Highest => values.Max(trial => trial.Max());

    public double Lowest => values.Min(trial => trial.Min());

    /// <summary>The same trials in an order that the seed gives.</summary>
    public RecordedCurves Shuffled(long seed) => new([.. values.Select((trial, number) => (trial, Key: Draws.Unit(seed, number, 77))).OrderBy(each => each.Key).Select(each => each.trial)]);

    private static RecordedCurves Read(string file) =>
        new([.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Sweeps", "Curves", file)).Select(line => line.Split(',').Select(value => double.Parse(value, CultureInfo.InvariantCulture)).ToArray())]);
}

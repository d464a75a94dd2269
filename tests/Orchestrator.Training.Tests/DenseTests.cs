using CsCheck;
using Orchestrator.Training.Engine;
using Orchestrator.Training.Kernels;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Orchestrator.Training.Tests;

public sealed class DenseTests
{
    /// <summary>Whole tiles, parts of one, several blocks of the inner index, single rows and columns; every layout of both operands.</summary>
    [Fact]
    public void Products_are_those_of_double_arithmetic_for_any_shape_and_layout() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 150], Gen.Int[1, 600], Gen.Bool, Gen.Bool, Gen.Bool).Sample(
            (rows, columns, inner, left, right, adds) =>
            {
                using var scope = NewDisposeScope();
                var (a, b, c) = (rand(rows, inner) - 0.5, rand(inner, columns) - 0.5, adds ? rand(rows, columns) : full(rows, columns, float.NaN));
                var expected = a.to(float64).matmul(b.to(float64));
                expected = adds ? expected + c.to(float64) : expected;
                MatrixProduct.Run(Of(a, left), Of(b, right), HostMemory.Address(c), rows, columns, inner, threads: 1, adds);
                Assert.True((c.to(float64) - expected).abs().max().ToDouble() < 1e-5);
            },
            iter: 60);

    [Fact]
    public void An_element_has_the_same_bits_whatever_stands_beside_it_and_however_many_threads_compute_it()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var (a, b) = (randn(64, 700), randn(700, 200));
        var whole = Product(a, b, threads: 1);
        Assert.Equal(whole, Product(a, b, threads: 3));
        for (var row = 0; row < 64; row += 13)
        {
            Assert.Equal(whole[(row * 200)..((row + 1) * 200)], Product(a.narrow(0, row, 1).clone(), b, threads: 1));
        }

        Assert.Equal(Enumerable.Range(0, 64).Select(row => whole[(row * 200) + 117]), Product(a, b.narrow(1, 117, 1).contiguous(), threads: 1));
    }

    [Theory]
    [InlineData(64, 100, 30, true)]
    [InlineData(1, 7, 3, true)]
    [InlineData(300, 33, 17, false)]
    public void A_dense_layer_and_its_gradients_are_those_of_torchs_linear_layer(int rows, int inputs, int outputs, bool inputLearns)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var ours = new Dense(inputs, outputs);
        manual_seed(1);
        using var theirs = nn.Linear(inputs, outputs);
        Assert.Equal(theirs.state_dict().Keys, ours.state_dict().Keys);
        Assert.Equal(0, (ours.Weight - theirs.weight!).abs().max().ToDouble());
        var x = randn(rows, inputs);
        var (left, right) = (x.clone().requires_grad_(inputLearns), x.clone().requires_grad_(inputLearns));
        var towards = randn(rows, outputs);

        var (output, expected) = (ours.forward(left), theirs.forward(right));
        Near(expected, output);
        (output * towards).sum().backward();
        (expected * towards).sum().backward();
        Near(theirs.weight!.grad!, ours.Weight.grad!);
        Near(theirs.bias!.grad!, ours.Bias.grad!);
        Assert.Equal(inputLearns, left.grad is not null);
        if (inputLearns)
        {
            Near(right.grad!, left.grad!);
        }
    }

    [Fact]
    public void A_dense_layer_takes_what_is_no_matrix_of_float32_as_torchs_does()
    {
        using var scope = NewDisposeScope();
        using var layer = new Dense(5, 3);
        Assert.Equal([2, 4, 3], layer.forward(randn(2, 4, 5)).shape);
        Assert.Equal([4, 3], layer.forward(randn(5, 4).t()).shape);
    }

    private static void Near(Tensor expected, Tensor actual) => Assert.True((expected - actual).abs().max().ToDouble() < 1e-4 * Math.Max(1, expected.abs().max().ToDouble()));

    /// <summary>The matrix as it lies, or stored by columns.</summary>
    private static Strided Of(Tensor matrix, bool byColumns) => byColumns
        ? Strided.RowMajor(HostMemory.Address(matrix.t().contiguous()), (int)matrix.shape[0]).Transposed
        : Strided.RowMajor(HostMemory.Address(matrix), (int)matrix.shape[1]);

    private static float[] Product(Tensor a, Tensor b, int threads)
    {
        var c = empty(a.shape[0], b.shape[1]);
        MatrixProduct.Run(Of(a, false), Of(b, false), HostMemory.Address(c), (int)a.shape[0], (int)b.shape[1], (int)a.shape[1], threads);
        return HostMemory.Span<float>(c).ToArray();
    }
}

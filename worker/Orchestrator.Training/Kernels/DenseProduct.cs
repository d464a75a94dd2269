using Orchestrator.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Kernels;

/// <summary>y = x Wᵀ + b with its gradients, in this library's own kernels: their bits are the same on every maker's processors, at the speed of the vectors that all of them have.</summary>
internal sealed class DenseProduct : autograd.SingleTensorFunction<DenseProduct>
{
    private const string InputNeedsGradient = "input";

    public override string Name => nameof(DenseProduct);

    /// <param name="vars">x [rows, inner], W [columns, inner], b [columns]; contiguous float32 in the host's memory.</param>
    /// <returns>[rows, columns]</returns>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (input, weight, bias) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2]);
        ctx.save_for_backward([input, weight]);
        ctx.save_data(InputNeedsGradient, input.requires_grad);
        var (rows, columns, inner) = ((int)input.shape[0], (int)weight.shape[0], (int)weight.shape[1]);
        var output = bias.expand(rows, columns).contiguous();
        MatrixProduct.Run(
            Strided.RowMajor(HostMemory.Address(input), inner), Strided.RowMajor(HostMemory.Address(weight), inner).Transposed, HostMemory.Address(output), rows, columns, inner, get_num_threads(), adds: true);
        return output;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var untracked = no_grad();
        var saved = ctx.get_saved_variables();
        var (input, weight) = (saved[0], saved[1]);
        var gradient = grad_output.contiguous();
        var (rows, columns, inner, threads) = ((int)input.shape[0], (int)weight.shape[0], (int)weight.shape[1], get_num_threads());
        var toOutput = Strided.RowMajor(HostMemory.Address(gradient), columns);
        Tensor? toInput = null;
        if ((bool)ctx.get_data(InputNeedsGradient))
        {
            toInput = empty(rows, inner);
            MatrixProduct.Run(toOutput, Strided.RowMajor(HostMemory.Address(weight), inner), HostMemory.Address(toInput), rows, inner, columns, threads);
        }

        var toWeight = empty(columns, inner);
        MatrixProduct.Run(toOutput.Transposed, Strided.RowMajor(HostMemory.Address(input), inner), HostMemory.Address(toWeight), columns, inner, rows, threads);
        var toBias = empty(columns);
        ColumnSums.Run(toOutput.Address, HostMemory.Address(toBias), rows, columns);
        return [toInput!, toWeight, toBias];
    }
}

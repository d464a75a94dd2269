using Orchestrator.Training.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <summary>
/// A linear layer, as <c>nn.Linear</c> is: same parameters, same first values, same names. In the host's memory its matrix products are this library's, where the pinned instruction set leaves
/// torch's at a third of their speed; on a device they are torch's.
/// </summary>
public sealed class Dense : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;

    /// <param name="inputs">Features of a sample.</param>
    /// <param name="outputs">Features of its result.</param>
    public Dense(long inputs, long outputs)
        : base(nameof(Dense))
    {
        using var linear = nn.Linear(inputs, outputs);
        weight = nn.Parameter(linear.weight!.detach().clone());
        bias = nn.Parameter(linear.bias!.detach().clone());
        RegisterComponents();
    }

    /// <summary>[outputs, inputs]</summary>
    public Parameter Weight => weight;

    /// <summary>[outputs]</summary>
    public Parameter Bias => bias;

    /// <param name="input">[batch, inputs]</param>
    /// <returns>[batch, outputs]</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.device_type == DeviceType.CPU && input.dtype == ScalarType.Float32 && input.shape.Length == 2
            ? DenseProduct.apply(input.contiguous(), weight, bias)
            : nn.functional.linear(input, weight, bias);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            weight.Dispose();
            bias.Dispose();
        }

        base.Dispose(disposing);
    }
}

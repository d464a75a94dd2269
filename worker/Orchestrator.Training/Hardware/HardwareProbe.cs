using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Orchestrator.Data.Sampling;
using Orchestrator.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training;

/// <summary>
/// Whether two machines compute the same bits: a fixed convolution, linear layer and LSTM, forward, backward and updated, hashed. Ranks of one gang have equal hashes.
/// </summary>
public static class HardwareProbe
{
    private const int Batch = 8;

    /// <summary>SHA-256 in lower-case hexadecimal. The number of threads that torch is set to counts.</summary>
    public static string Hash(string device = "cpu")
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv2d(3, 16, 3, padding: 1);
        using var linear = nn.Linear(16 * 14 * 14, 33);
        using var lstm = nn.LSTM(33, 24, batchFirst: true);
        var modules = new nn.Module[] { convolution, linear, lstm };
        var random = new CounterRandom(0, RandomStream.Weights, 1);
        var parameters = modules.SelectMany(module => module.to(torch.device(device)).parameters()).ToArray();
        using (no_grad())
        {
            foreach (var parameter in parameters)
            {
                parameter.copy_(Draw(parameter.shape, 0.2f, ref random));
            }
        }

        for (var step = 0; step < 3; step++)
        {
            var input = Draw([Batch, 3, 28, 28], 1, ref random).to(torch.device(device));
            var features = nn.functional.max_pool2d(nn.functional.gelu(convolution.forward(input)), 2);
            var (sequence, _, _) = lstm.forward(linear.forward(features.flatten(1)).view(2, Batch / 2, 33));
            nn.functional.log_softmax(sequence.sum(1), 1).square().sum().backward();
            using var untracked = no_grad();
            foreach (var parameter in parameters)
            {
                parameter.sub_(parameter.grad! * 1e-3f);
                parameter.grad!.zero_();
            }
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var parameter in parameters)
        {
            hash.AppendData(MemoryMarshal.AsBytes(HostMemory.Span<float>(parameter.detach().cpu())));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static Tensor Draw(long[] shape, float scale, ref CounterRandom random)
    {
        var values = new float[shape.Aggregate(1L, (product, dimension) => product * dimension)];
        foreach (ref var value in values.AsSpan())
        {
            value = (float)((2 * random.NextDouble()) - 1) * scale;
        }

        return tensor(values, shape);
    }
}

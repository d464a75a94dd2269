using Orchestrator.Data.Sampling;

namespace Orchestrator.Training.Input;

/// <summary>Which positions of which order a batch holds.</summary>
/// <param name="Order">Turns positions into rows; null: a position is its row.</param>
/// <param name="Epoch">Of the augmentations' random streams.</param>
internal readonly record struct BatchRequest(PositionRange Positions, KeyedPermutation? Order, long Epoch);

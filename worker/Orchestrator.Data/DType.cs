namespace Orchestrator.Data;

/// <summary>The element types that datasets and checkpoints hold, named as safetensors names them.</summary>
public enum DType
{
    /// <summary>8-bit unsigned integer: image bytes.</summary>
    U8,

    /// <summary>64-bit signed integer: labels, counters.</summary>
    I64,

    /// <summary>32-bit float.</summary>
    F32,

    /// <summary>64-bit float.</summary>
    F64,
}

public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.U8 => 1,
        DType.F32 => 4,
        DType.I64 or DType.F64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    /// <summary>The dtype of a .NET element type.</summary>
    public static DType Of<T>()
        where T : unmanaged =>
        default(T) switch
        {
            byte => DType.U8,
            long => DType.I64,
            float => DType.F32,
            double => DType.F64,
            _ => throw new ArgumentException($"There is no dtype for {typeof(T).Name}."),
        };

    /// <summary>The name in a safetensors header: U8, I64, F32, F64.</summary>
    public static string SafetensorsName(this DType dtype) => dtype switch
    {
        DType.U8 => "U8",
        DType.I64 => "I64",
        DType.F32 => "F32",
        DType.F64 => "F64",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    /// <summary>The name in manifests and on the wire: u8, i64, f32, f64.</summary>
    public static string ManifestName(this DType dtype) => dtype switch
    {
        DType.U8 => "u8",
        DType.I64 => "i64",
        DType.F32 => "f32",
        DType.F64 => "f64",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype)),
    };

    internal static bool TryParse(string? name, out DType dtype)
    {
        (var known, dtype) = name switch
        {
            "U8" or "u8" => (true, DType.U8),
            "I64" or "i64" => (true, DType.I64),
            "F32" or "f32" => (true, DType.F32),
            "F64" or "f64" => (true, DType.F64),
            _ => (false, default(DType)),
        };
        return known;
    }
}

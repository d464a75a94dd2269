using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Orchestrator.Data.Formats;

/// <summary>
/// A safetensors file, mapped into memory and checked in full before a byte is handed out. Spans point into the mapping: they may not be
/// used after
/// <see cref="Dispose"/>, nor may the file be shortened meanwhile.
/// </summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    internal const string Mend = "it is damaged or not a safetensors file: fetch or write it again";

    private readonly SafeFileHandle handle;
    private readonly MemoryMappedFile mapping;
    private readonly MemoryMappedViewAccessor view;
    private readonly Dictionary<string, TensorLocation> tensors;
    private readonly byte* data;
    private bool disposed;

    private SafetensorsFile(string path, SafeFileHandle handle, long length)
    {
        Path = path;
        this.handle = handle;
        mapping = MemoryMappedFile.CreateFromFile(
            handle, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        view = mapping.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            start += view.PointerOffset;
            var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(start, 8));
            if (headerLength > SafetensorsHeader.GreatestLength || (long)headerLength > length - 8)
            {
                throw new DataFormatException("header", $"{path}: its header claims {headerLength} bytes, the file has {length}", Mend);
            }

            DataOffset = 8 + (long)headerLength;
            data = start + DataOffset;
            (tensors, var metadata) = SafetensorsHeader.Parse(
                new ReadOnlySpan<byte>(start + 8, (int)headerLength), length - DataOffset, path);
            Metadata = metadata;
        }
        catch
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            mapping.Dispose();
            throw;
        }
    }

    /// <exception cref="DataFormatException">The file is not whole, or not in the format.</exception>
    public static SafetensorsFile Open(string path)
    {
        var opened = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
        try
        {
            var length = RandomAccess.GetLength(opened);
            return length >= 8
                ? new SafetensorsFile(path, opened, length)
                : throw new DataFormatException("truncated", $"{path}: {length} bytes are too few for a header", Mend);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>The SHA-256 of any file, lower-case hex.</summary>
    public static string Sha256(string path)
    {
        using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    public string Path { get; }

    /// <summary>Where the tensors' bytes begin in the file.</summary>
    public long DataOffset { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, TensorLocation> Tensors => tensors;

    /// <summary>A tensor's bytes, row-major, little-endian.</summary>
    /// <exception cref="DataFormatException">There is no such tensor, or it is longer than a span can be: take it in parts.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var tensor = Find(name);
        return tensor.Length <= int.MaxValue
            ? new ReadOnlySpan<byte>(data + tensor.Begin, (int)tensor.Length)
            : throw new DataFormatException("too-large", $"{Path}: tensor '{name}' has {tensor.Length} bytes", "read it in parts");
    }

    /// <summary>A part of a tensor's bytes.</summary>
    public ReadOnlySpan<byte> Bytes(string name, long offset, int length)
    {
        var tensor = Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.Length - length);
        return new ReadOnlySpan<byte>(data + tensor.Begin + offset, length);
    }

    /// <summary>A tensor's elements, row-major.</summary>
    /// <exception cref="DataFormatException">There is no such tensor, or its dtype is another.</exception>
    public ReadOnlySpan<T> Span<T>(string name)
        where T : unmanaged
    {
        var tensor = Find(name);
        return tensor.DType == DTypes.Of<T>()
            ? MemoryMarshal.Cast<byte, T>(Bytes(name))
            : throw new DataFormatException(
                "dtype", $"{Path}: tensor '{name}' is {tensor.DType}, not {DTypes.Of<T>()}", "read it as what it is");
    }

    /// <summary>The tensors as entries for <see cref="SafetensorsWriter"/>.</summary>
    public IEnumerable<TensorEntry> Entries() =>
        tensors.Values.Select(tensor => new TensorEntry(
            tensor.Name, tensor.DType, tensor.Shape, offset => Bytes(tensor.Name, offset, (int)Math.Min(tensor.Length - offset, 4 << 20))));

    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        mapping.Dispose();
        handle.Dispose();
    }

    private TensorLocation Find(string name)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new DataFormatException(
                "missing-tensor",
                $"{Path}: there is no tensor '{name}'",
                $"it has {string.Join(", ", tensors.Keys.Order(StringComparer.Ordinal).Take(8))}");
    }
}

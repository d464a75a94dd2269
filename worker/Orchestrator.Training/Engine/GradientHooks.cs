using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>
/// Tells of each gradient of a backward at the moment at which it is whole, just before it is added to what the parameter has. libtorch sums all that a backward has for a parameter before it gets
/// there, so a parameter comes once, however often the model uses it; only a backward inside of a backward brings one again. TorchSharp has no call for it, so libtorch's own is called by the name
/// that its library exports, with a <c>std::function</c> as libstdc++ lays it out.
/// </summary>
internal sealed unsafe partial class GradientHooks : IDisposable
{
    private const string Libtorch = "torch_cpu";

    private readonly IReadOnlyList<FlatSlot> parameters;
    private readonly uint[] hooks;
    private readonly GCHandle self;
    private Action<int>? arriving;
    private Exception? failure;

    private GradientHooks(IReadOnlyList<FlatSlot> parameters)
    {
        this.parameters = parameters;
        self = GCHandle.Alloc(this);
        hooks = new uint[parameters.Count];
        for (var index = 0; index < hooks.Length; index++)
        {
            var function = new StandardFunction { Owner = GCHandle.ToIntPtr(self), Index = index, Manage = &Manage, Invoke = &Invoke };
            hooks[index] = Register(parameters[index].Tensor.Handle, &function);
        }
    }

    /// <summary>Null where this libtorch has no such call.</summary>
    public static GradientHooks? On(IReadOnlyList<FlatSlot> parameters) =>
        NativeLibrary.TryLoad(Libtorch, typeof(GradientHooks).Assembly, null, out var library) && NativeLibrary.TryGetExport(library, RegisterName, out _) && Undefined != 0
            ? new GradientHooks(parameters)
            : null;

    /// <summary>Runs a backward on this thread.</summary>
    /// <param name="tell">Is given the index of the parameter whose gradient arrives. Those told of before have theirs. What it throws is thrown once the backward is over.</param>
    public void During(Action backward, Action<int> tell)
    {
        (arriving, failure) = (tell, null);
        try
        {
            backward();
        }
        finally
        {
            arriving = null;
        }

        if (failure is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }
    }

    public void Dispose()
    {
        for (var index = 0; index < hooks.Length; index++)
        {
            Remove(parameters[index].Tensor.Handle, hooks[index]);
        }

        self.Free();
    }

    private void Arrive(int index)
    {
        try
        {
            arriving?.Invoke(index);
        }
        catch (Exception error)
        {
            // No exception may pass through libtorch's frames.
            failure ??= error;
            arriving = null;
        }
    }

    /// <summary>What the function does with its state, which is 16 plain bytes: nothing but a copy is ever due.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte Manage(nint* to, nint* from, int operation)
    {
        const int GetPointer = 1;
        const int Clone = 2;
        switch (operation)
        {
            case GetPointer:
                *to = (nint)from;
                break;
            case Clone:
                (to[0], to[1]) = (from[0], from[1]);
                break;
        }

        return 0;
    }

    /// <summary>Gives an undefined tensor: the gradient stays as it is.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint* Invoke(nint* result, nint* state, nint* gradient)
    {
        ((GradientHooks)GCHandle.FromIntPtr(state[0]).Target!).Arrive((int)state[1]);
        *result = Undefined;
        return result;
    }

    private static nint Undefined { get; } =
        NativeLibrary.TryLoad("c10", typeof(GradientHooks).Assembly, null, out var library) && NativeLibrary.TryGetExport(library, "_ZN3c1019UndefinedTensorImpl10_singletonE", out var singleton) ? singleton : 0;

    private const string RegisterName = "_ZNK2at10TensorBase14_register_hookESt8functionIFS0_RKS0_EE";

    [LibraryImport(Libtorch, EntryPoint = RegisterName)]
    private static partial uint Register(nint tensor, StandardFunction* function);

    [LibraryImport(Libtorch, EntryPoint = "_ZNK2at10TensorBase11remove_hookEj")]
    private static partial void Remove(nint tensor, uint hook);

    /// <summary>std::function&lt;TensorBase(const TensorBase&amp;)&gt;: 16 bytes of state, then what copies it and what calls it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct StandardFunction
    {
        public nint Owner;
        public nint Index;
        public delegate* unmanaged[Cdecl]<nint*, nint*, int, byte> Manage;
        public delegate* unmanaged[Cdecl]<nint*, nint*, nint*, nint*> Invoke;
    }
}

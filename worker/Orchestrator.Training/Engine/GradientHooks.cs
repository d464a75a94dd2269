using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Orchestrator.Training.Engine;

/// <summary>
/// Tells of each gradient of a backward at the moment at which the parameter has the whole of it. libtorch sums all that a backward has for a parameter before it adds it to what is there, so a
/// parameter comes once, however often the model uses it; only a backward inside of a backward brings one again. TorchSharp has no call for it, so libtorch's own is called by the name that its
/// library exports, with a <c>PostAccumulateGradHook</c> as GCC lays it out: a pointer to its virtual functions, then what is ours.
/// </summary>
internal sealed unsafe partial class GradientHooks : IDisposable
{
    private const string Libtorch = "torch_cpu";
    private const string SetName = "_ZN5torch8autograd4impl23set_post_acc_grad_hooksERKN2at10TensorBaseESt10unique_ptrINS0_22PostAccumulateGradHookESt14default_deleteIS7_EE";

    private static readonly Functions* Virtual = NewFunctions();

    private readonly IReadOnlyList<FlatSlot> parameters;
    private readonly Hook* hooks;
    private readonly GCHandle self;
    private Action<int>? arrived;
    private Exception? failure;

    private GradientHooks(IReadOnlyList<FlatSlot> parameters)
    {
        this.parameters = parameters;
        self = GCHandle.Alloc(this);
        hooks = (Hook*)NativeMemory.Alloc((nuint)(parameters.Count * sizeof(Hook)));
        for (var index = 0; index < parameters.Count; index++)
        {
            hooks[index] = new Hook { Virtual = Virtual, Owner = GCHandle.ToIntPtr(self), Index = index };
            Set(index, &hooks[index]);
        }
    }

    /// <summary>Null where this libtorch has no such call.</summary>
    public static GradientHooks? On(IReadOnlyList<FlatSlot> parameters) =>
        NativeLibrary.TryLoad(Libtorch, typeof(GradientHooks).Assembly, null, out var library) && NativeLibrary.TryGetExport(library, SetName, out _) ? new GradientHooks(parameters) : null;

    /// <summary>Runs a backward on this thread.</summary>
    /// <param name="tell">Is given the index of the parameter that has its gradient. What it throws is thrown once the backward is over.</param>
    public void During(Action backward, Action<int> tell)
    {
        (arrived, failure) = (tell, null);
        try
        {
            backward();
        }
        finally
        {
            arrived = null;
        }

        if (failure is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }
    }

    public void Dispose()
    {
        for (var index = 0; index < parameters.Count; index++)
        {
            Set(index, null);
        }

        NativeMemory.Free(hooks);
        self.Free();
    }

    /// <summary>The parameter owns the hook from now on, and calls its destructor once it has another one.</summary>
    private void Set(int index, Hook* hook) => Set(parameters[index].Tensor.Handle, &hook);

    private void Tell(int index)
    {
        try
        {
            arrived?.Invoke(index);
        }
        catch (Exception error)
        {
            // No exception may pass through libtorch's frames.
            failure ??= error;
            arrived = null;
        }
    }

    private static Functions* NewFunctions()
    {
        var functions = (Functions*)RuntimeHelpers.AllocateTypeAssociatedMemory(typeof(GradientHooks), sizeof(Functions));
        *functions = new Functions { Destroy = &Forget, Delete = &Forget, Call = &Call };
        return functions;
    }

    /// <summary>The memory is the owner's.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Forget(Hook* hook)
    {
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Call(Hook* hook, nint* tensor) => ((GradientHooks)GCHandle.FromIntPtr(hook->Owner).Target!).Tell(hook->Index);

    /// <param name="hook">A <c>std::unique_ptr</c>, which is passed by its address and emptied.</param>
    [LibraryImport(Libtorch, EntryPoint = SetName)]
    private static partial void Set(nint tensor, Hook** hook);

    [StructLayout(LayoutKind.Sequential)]
    private struct Hook
    {
        public Functions* Virtual;
        public nint Owner;
        public int Index;
    }

    /// <summary>Of a <c>PostAccumulateGradHook</c>, in their order. The last two, which are for compiled graphs, nobody calls.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Functions
    {
        public delegate* unmanaged[Cdecl]<Hook*, void> Destroy;
        public delegate* unmanaged[Cdecl]<Hook*, void> Delete;
        public delegate* unmanaged[Cdecl]<Hook*, nint*, void> Call;
        public nint CompiledArguments;
        public nint ApplyWithSaved;
    }
}

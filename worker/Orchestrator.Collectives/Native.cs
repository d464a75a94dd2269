using System.Runtime.InteropServices;

namespace Orchestrator.Collectives;

[Flags]
internal enum PollEvents : short
{
    None = 0,
    In = 0x001,
    Out = 0x004,
    Error = 0x008,
    HangUp = 0x010,

    /// <summary>The peer sends no more.</summary>
    ReadHangUp = 0x2000,
}

[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    /// <summary>Negative: skipped.</summary>
    public int File;
    public PollEvents Wanted;
    public PollEvents Happened;
}

/// <summary>What .NET has no call for, or none that does not allocate.</summary>
internal static unsafe partial class Native
{
    private const int Interrupted = 4;
    private const int TimedOut = 110;
    private const int CloseOnExec = 1;
    private const int AllowSealing = 2;
    private const int AddSeals = 1033;
    private const int SealSealShrinkGrow = 1 | 2 | 4;
    private const int ReadOnlyCloseOnExec = 0x80000;
    private const int ProtectNone = 0;
    private const int ProtectRead = 1;
    private const int ProtectWrite = 2;
    private const int MapShared = 1;
    private const int MapPrivate = 2;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int RemapMayMove = 1;
    private const int RemapFixed = 2;
    private const int DoNotDump = 16;
    private const int HugePages = 14;
    private const int Remove = 9;
    private const int FutexWait = 0;
    private const int FutexWake = 1;

    private static readonly nint FutexNumber = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 202 : 98;

    /// <summary>Waits until one of them is ready; .NET's own way to wait for many sockets allocates on every call.</summary>
    /// <returns>False where <paramref name="milliseconds"/> passed before.</returns>
    public static bool Poll(Span<PollDescriptor> descriptors, int milliseconds)
    {
        fixed (PollDescriptor* first = descriptors)
        {
            var ready = SystemPoll(first, (nuint)descriptors.Length, milliseconds);
            if (ready < 0 && Marshal.GetLastPInvokeError() != Interrupted)
            {
                throw Failure("poll");
            }

            return ready != 0;
        }
    }

    /// <summary>Memory that has no name anywhere and goes with the last process that maps it; its length can't be changed by
    /// anybody.</summary>
    public static int CreateMemory(string name, long length)
    {
        var file = SystemMemfdCreate(name, CloseOnExec | AllowSealing);
        if (file < 0)
        {
            throw Failure("memfd_create");
        }

        if (SystemTruncate(file, length) < 0 || SystemControl(file, AddSeals, SealSealShrinkGrow) < 0)
        {
            var failure = Failure("memfd");
            Close(file);
            throw failure;
        }

        return file;
    }

    public static int OpenRead(string path)
    {
        var file = SystemOpen(path, ReadOnlyCloseOnExec, 0);
        return file >= 0 ? file : throw Failure("open");
    }

    public static void Close(int file) => _ = SystemClose(file);

    /// <summary>Maps a file's first <paramref name="length"/> bytes.</summary>
    public static byte* Map(int file, long length, bool writable)
    {
        var address = SystemMap(null, (nuint)length, ProtectRead | (writable ? ProtectWrite : 0), MapShared | MapNoReserve, file, 0);
        if (address == (byte*)-1)
        {
            throw Failure("mmap");
        }

        // Advice: what the kernel does not take makes nothing wrong.
        _ = SystemAdvise(address, (nuint)length, writable ? HugePages : DoNotDump);
        return address;
    }

    /// <summary>Memory of this process alone.</summary>
    public static byte* MapPrivately(long length)
    {
        var address = SystemMap(null, (nuint)length, ProtectRead | ProtectWrite, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        return address != (byte*)-1 ? address : throw Failure("mmap");
    }

    /// <summary>Addresses without memory, for <see cref="MapAgain"/> to fill.</summary>
    public static byte* Reserve(long length)
    {
        var address = SystemMap(null, (nuint)length, ProtectNone, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        return address != (byte*)-1 ? address : throw Failure("mmap");
    }

    /// <summary>The pages of a shared mapping at a second place too, to be read and written as at the first; they live as long as either.</summary>
    public static void MapAgain(byte* pages, long length, byte* at)
    {
        if (SystemRemap(pages, 0, (nuint)length, RemapMayMove | RemapFixed, at) != at)
        {
            throw Failure("mremap");
        }
    }

    public static void Unmap(byte* address, long length) => _ = SystemUnmap(address, (nuint)length);

    /// <summary>Gives whole pages back; they are zero again.</summary>
    public static void Drop(byte* address, long length) => _ = SystemAdvise(address, (nuint)length, Remove);

    /// <summary>Sleeps while the word is <paramref name="seen"/>. Works on memory that is mapped for reading only.</summary>
    /// <returns>False where the time passed.</returns>
    public static bool Sleep(int* word, int seen, int milliseconds)
    {
        var time = stackalloc long[2] { milliseconds / 1000, milliseconds % 1000 * 1_000_000L };
        return SystemFutex(FutexNumber, word, FutexWait, seen, time, null, 0) == 0 || Marshal.GetLastPInvokeError() != TimedOut;
    }

    /// <summary>Wakes everybody who sleeps on the word, in any process.</summary>
    public static void Wake(int* word) => SystemFutex(FutexNumber, word, FutexWake, int.MaxValue, null, null, 0);

    private static IOException Failure(string call) =>
        new($"{call}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int SystemPoll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SystemMemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int SystemTruncate(int file, long length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int SystemControl(int file, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SystemOpen(string path, int flags, nint mode);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int SystemClose(int file);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial byte* SystemMap(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mremap", SetLastError = true)]
    private static partial byte* SystemRemap(byte* old, nuint oldLength, nuint length, int flags, byte* at);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int SystemUnmap(byte* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int SystemAdvise(byte* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemFutex(nint number, int* word, nint operation, nint value, long* time, void* other, nint last);
}

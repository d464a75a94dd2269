using System;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Marks one symbol-version need of an ELF library as weak (VER_FLG_WEAK, the gABI's Vernaux.vna_flags), where this machine's libstdc++ lacks that version.
/// A build task: MSBuild compiles it against .NET Standard 2.0.
/// </summary>
public class MendVersionNeed : Task
{
    private const ushort WeakFlag = 2;
    private const uint LoadSegment = 1;
    private const ulong StringTable = 5;
    private const ulong VersionNeeds = 0x6ffffffe;
    private const ulong VersionNeedCount = 0x6fffffff;

    private static readonly string[] LibraryFolders =
    {
        "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib",
    };

    [Required]
    public string Library { get; set; }

    [Required]
    public string Version { get; set; }

    public override bool Execute()
    {
        if (!File.Exists(Library) || HostHasVersion())
        {
            return true;
        }

        var bytes = File.ReadAllBytes(Library);
        var flags = FindFlags(bytes);
        if (flags < 0 || (bytes[flags] & WeakFlag) != 0)
        {
            return true;
        }

        bytes[flags] |= (byte)WeakFlag;
        var aside = Library + ".mended";
        File.WriteAllBytes(aside, bytes);
        File.Delete(Library); // it may be a link into the package cache
        File.Move(aside, Library);
        Log.LogMessage(MessageImportance.High, "{0}: this machine's libstdc++ lacks {1}; marked that need weak.", Path.GetFileName(Library), Version);
        return true;
    }

    private bool HostHasVersion()
    {
        var host = LibraryFolders.Select(folder => Path.Combine(folder, "libstdc++.so.6")).FirstOrDefault(File.Exists);
        return host != null && Encoding.ASCII.GetString(File.ReadAllBytes(host)).IndexOf(Version + "\0", StringComparison.Ordinal) >= 0;
    }

    /// <summary>The offset of the flags of the version's Vernaux; -1 where the library does not need it.</summary>
    private int FindFlags(byte[] elf)
    {
        var dynamic = Dynamic(elf);
        if (dynamic.Needs == 0)
        {
            return -1;
        }

        var need = Offset(elf, dynamic.Needs);
        var strings = Offset(elf, dynamic.Strings);
        for (ulong i = 0; i < dynamic.Count; i++)
        {
            var entry = need + (int)BitConverter.ToUInt32(elf, need + 8);
            for (var n = BitConverter.ToUInt16(elf, need + 2); n > 0; n--)
            {
                if (Text(elf, strings + (int)BitConverter.ToUInt32(elf, entry + 8)) == Version)
                {
                    return entry + 4;
                }

                entry += (int)BitConverter.ToUInt32(elf, entry + 12);
            }

            need += (int)BitConverter.ToUInt32(elf, need + 12);
        }

        return -1;
    }

    private static (ulong Strings, ulong Needs, ulong Count) Dynamic(byte[] elf)
    {
        const uint dynamicSegment = 2;
        (ulong Strings, ulong Needs, ulong Count) found = (0, 0, 0);
        foreach (var header in ProgramHeaders(elf).Where(header => BitConverter.ToUInt32(elf, header) == dynamicSegment))
        {
            var begin = (int)BitConverter.ToUInt64(elf, header + 8);
            var size = (int)BitConverter.ToUInt64(elf, header + 32);
            for (var at = begin; at < begin + size; at += 16)
            {
                var value = BitConverter.ToUInt64(elf, at + 8);
                switch (BitConverter.ToUInt64(elf, at))
                {
                    case StringTable: found.Strings = value; break;
                    case VersionNeeds: found.Needs = value; break;
                    case VersionNeedCount: found.Count = value; break;
                }
            }
        }

        return found;
    }

    private static int Offset(byte[] elf, ulong address)
    {
        foreach (var header in ProgramHeaders(elf).Where(header => BitConverter.ToUInt32(elf, header) == LoadSegment))
        {
            var start = BitConverter.ToUInt64(elf, header + 16);
            if (address >= start && address < start + BitConverter.ToUInt64(elf, header + 32))
            {
                return (int)(address - start + BitConverter.ToUInt64(elf, header + 8));
            }
        }

        throw new InvalidDataException("No segment holds address " + address + ".");
    }

    private static int[] ProgramHeaders(byte[] elf)
    {
        var begin = (int)BitConverter.ToUInt64(elf, 32);
        var size = BitConverter.ToUInt16(elf, 54);
        return Enumerable.Range(0, BitConverter.ToUInt16(elf, 56)).Select(i => begin + (i * size)).ToArray();
    }

    private static string Text(byte[] elf, int offset) => Encoding.ASCII.GetString(elf, offset, Array.IndexOf(elf, (byte)0, offset) - offset);
}

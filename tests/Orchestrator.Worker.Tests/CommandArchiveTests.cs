using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Orchestrator.Training;
using Orchestrator.V1;
using Orchestrator.Worker.Trainer;

namespace Orchestrator.Worker.Tests;

/// <summary>What a command's program kept, as a checkpoint.</summary>
public sealed class CommandArchiveTests : IDisposable
{
    private static readonly AssignTask Assigned = new() { Run = "r", Spec = """{"workload": "command"}""" };

    private readonly string folder = Directory.CreateTempSubdirectory("orch-command-").FullName;

    [Fact]
    public void Files_are_put_back_as_they_were_and_the_manifest_has_the_hash_of_each()
    {
        Keep("kept", "model/weights.bin", "the weights");
        Keep("kept", "evaluate.sh", "#!/bin/sh\n");
        File.SetUnixFileMode(At("kept/evaluate.sh"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        Assert.NotNull(CommandArchive.Write(At("kept"), At("checkpoint"), Assigned, 3));

        var held = JsonNode.Parse(File.ReadAllText(At("checkpoint/manifest.json")))!["directory"]!.AsObject();
        Assert.Equal(["evaluate.sh", "model/weights.bin"], held.Select(file => file.Key));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("the weights"))), held["model/weights.bin"]!["sha256"]!.GetValue<string>());
        Assert.Equal(3, CommandArchive.Restore(At("checkpoint"), Directory.CreateDirectory(At("again")).FullName));
        Assert.Equal("the weights", File.ReadAllText(At("again/model/weights.bin")));
        Assert.True(File.GetUnixFileMode(At("again/evaluate.sh")).HasFlag(UnixFileMode.UserExecute));
        Assert.False(File.GetUnixFileMode(At("again/model/weights.bin")).HasFlag(UnixFileMode.UserExecute));
    }

    [Fact]
    public void Equal_files_make_equal_bytes_whenever_and_in_whatever_order_they_were_written()
    {
        Keep("one", "a", "1");
        Keep("one", "b/c", "2");
        Keep("two", "b/c", "2");
        Keep("two", "a", "1");
        File.SetLastWriteTimeUtc(At("two/a"), DateTime.UnixEpoch);
        Assert.Equal(CommandArchive.Write(At("one"), At("first"), Assigned, 1), CommandArchive.Write(At("two"), At("second"), Assigned, 1));
    }

    [Fact]
    public void An_archive_with_other_bytes_is_refused()
    {
        Keep("kept", "a", "1");
        CommandArchive.Write(At("kept"), At("checkpoint"), Assigned, 1);
        var bytes = File.ReadAllBytes(At("checkpoint/directory.tar"));
        bytes[512] ^= 1;
        File.WriteAllBytes(At("checkpoint/directory.tar"), bytes);
        var refused = Assert.Throws<CorruptCheckpointException>(() => CommandArchive.Restore(At("checkpoint"), Directory.CreateDirectory(At("again")).FullName));
        Assert.Contains("directory.tar has another hash", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(At("again")));
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(string path) => Path.Combine(folder, path);

    private void Keep(string directory, string path, string text)
    {
        var file = At(Path.Combine(directory, path));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}

using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using Orchestrator.Data.Formats;
using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Session;

/// <summary>
/// Reports that the coordinator has not acknowledged yet, in an append-only file: they outlive the session and the agent. Records are length-delimited
/// <see cref="Report"/> messages with rising sequence numbers; the first one may be empty and then says what was acknowledged before it. On a full disk reporters wait, as
/// they do where too much waits for the coordinator; nothing is lost.
/// </summary>
internal sealed class ReportSpool : IDisposable
{
    private const long CompactAbove = 8 << 20;
    private static readonly TimeSpan RoomPause = TimeSpan.FromMilliseconds(500);

    private readonly Lock gate = new();
    private readonly string path;
    private readonly long greatestBytes;
    private readonly TimeProvider time;
    private readonly Action<string> warn;
    // Without gaps, so that a number is an index.
    private readonly List<Record> records = [];
    // Up to here an earlier life of the agent wrote.
    private readonly ulong inherited;
    private SafeFileHandle file;
    private long length;
    private long droppedSteps;
    private bool diskFull;

    private ReportSpool(string path, long greatestBytes, TimeProvider time, Action<string> warn)
    {
        (this.path, this.greatestBytes, this.time, this.warn) = (path, greatestBytes, time, warn);
        file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        length = Recover();
        inherited = Last;
        RandomAccess.SetLength(file, length);
    }

    /// <param name="greatestBytes">Above it reporters wait; step metrics, which are figures only, are dropped from half of it on.</param>
    /// <param name="warn">Hears when its disk becomes full.</param>
    public static ReportSpool Open(string path, long greatestBytes, TimeProvider? time = null, Action<string>? warn = null) =>
        new(path, greatestBytes, time ?? TimeProvider.System, warn ?? (static _ => { }));

    /// <summary>Set when a report was appended.</summary>
    public Pulse Appended { get; } = new();

    /// <summary>Set when reports were acknowledged.</summary>
    public Pulse AcknowledgedMore { get; } = new();

    public ulong Last { get; private set; }

    public ulong Acknowledged { get; private set; }

    /// <summary>Batches of step metrics that were dropped because the coordinator has been away for too long.</summary>
    public long DroppedSteps => Volatile.Read(ref droppedSteps);

    /// <summary>Gives the report its sequence number and keeps it until it is acknowledged; waits while the spool or its disk is full.</summary>
    public async Task AppendAsync(Report report, CancellationToken cancellationToken)
    {
        while (true)
        {
            var room = AcknowledgedMore.Next;
            if (TryAppend(report))
            {
                Appended.Set();
                return;
            }

            // Who makes room on the disk does not tell us.
            await (diskFull ? Task.WhenAny(room, Task.Delay(RoomPause, time, cancellationToken)) : room).WaitAsync(cancellationToken);
        }
    }

    /// <summary>The first report after the given sequence number; null where there is none.</summary>
    public Report? ReadAfter(ulong sequence)
    {
        lock (gate)
        {
            if (records.Count == 0 || sequence >= Last)
            {
                return null;
            }

            var record = records[sequence < records[0].Sequence ? 0 : (int)(sequence + 1 - records[0].Sequence)];
            var bytes = new byte[record.Length];
            ReadExactly(bytes, record.Offset);
            var report = Report.Parser.ParseDelimitedFrom(new MemoryStream(bytes));
            return report.Sequence > inherited ? report : InheritedReport.Of(report);
        }
    }

    /// <summary>Every report up to this number stands in the coordinator's journal. A number above the last one (this folder is older than the coordinator's memory) is gone on from.</summary>
    public void Acknowledge(ulong sequence)
    {
        lock (gate)
        {
            if (records.Count > 0 && sequence >= records[0].Sequence)
            {
                records.RemoveRange(0, (int)Math.Min((ulong)records.Count, sequence + 1 - records[0].Sequence));
            }

            Acknowledged = Math.Max(Acknowledged, sequence);
            Last = Math.Max(Last, sequence);
            if (length > CompactAbove && length > 2 * Waiting())
            {
                TryCompact();
            }
        }

        AcknowledgedMore.Set();
    }

    /// <summary>Ends once nothing is left to acknowledge.</summary>
    public Task DrainedAsync(CancellationToken cancellationToken) => AcknowledgedAsync(() => Last, cancellationToken);

    /// <summary>Ends once a report that was appended stands in the coordinator's journal.</summary>
    public Task AcknowledgedAsync(Report report, CancellationToken cancellationToken) => AcknowledgedAsync(() => report.Sequence, cancellationToken);

    private async Task AcknowledgedAsync(Func<ulong> sequence, CancellationToken cancellationToken)
    {
        while (true)
        {
            var more = AcknowledgedMore.Next;
            if (Acknowledged >= sequence())
            {
                return;
            }

            await more.WaitAsync(cancellationToken);
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            TryCompact();
            file.Dispose();
        }
    }

    private bool TryAppend(Report report)
    {
        lock (gate)
        {
            var waiting = Waiting();
            if (report.ReportCase == Report.ReportOneofCase.Steps && waiting > greatestBytes / 2)
            {
                droppedSteps++;
                return true;
            }

            if (waiting > greatestBytes)
            {
                return false;
            }

            report.Sequence = Last + 1;
            var bytes = Delimited(report);
            if (!TryWrite(bytes))
            {
                // As above: nobody waits for the sake of figures.
                var isFigures = report.ReportCase == Report.ReportOneofCase.Steps;
                droppedSteps += isFigures ? 1 : 0;
                return isFigures;
            }

            records.Add(new Record(report.Sequence, length, bytes.Length));
            length += bytes.Length;
            Last = report.Sequence;
            return true;
        }
    }

    private bool TryWrite(byte[] bytes)
    {
        try
        {
            if (diskFull && records.Count == 0)
            {
                // What it takes on the disk is of no use to anybody: it is room.
                RandomAccess.SetLength(file, length = 0);
                var head = Delimited(new Report { Sequence = Last });
                RandomAccess.Write(file, head, 0);
                length = head.Length;
            }

            RandomAccess.Write(file, bytes, length);
            diskFull = false;
            return true;
        }
        catch (IOException full) when (DiskSpace.IsFull(full))
        {
            // What was written of it is written over.
            if (!diskFull)
            {
                warn($"no space is left for {path}; reports wait and their trainers with them: free some");
            }

            diskFull = true;
            return false;
        }
    }

    // Only a matter of room, and where there is none it stays as it is.
    private void TryCompact()
    {
        try
        {
            Compact();
        }
        catch (IOException full) when (DiskSpace.IsFull(full))
        {
            File.Delete(path + ".new");
        }
    }

    private long Waiting() => records.Count > 0 ? length - records[0].Offset : 0;

    // Written aside and renamed, so that a kill leaves the old file or the new one.
    private void Compact()
    {
        var aside = path + ".new";
        using (var stream = new FileStream(aside, FileMode.Create, FileAccess.Write))
        {
            stream.Write(Delimited(new Report { Sequence = records.Count > 0 ? records[0].Sequence - 1 : Last }));
            var moved = new List<Record>(records.Count);
            foreach (var record in records)
            {
                var bytes = new byte[record.Length];
                ReadExactly(bytes, record.Offset);
                moved.Add(record with { Offset = stream.Position });
                stream.Write(bytes);
            }

            stream.Flush(flushToDisk: true);
            length = stream.Position;
            records.Clear();
            records.AddRange(moved);
        }

        file.Dispose();
        File.Move(aside, path, overwrite: true);
        file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
    }

    // A kill may leave half a record at the end: what is whole counts.
    private long Recover()
    {
        var bytes = new byte[RandomAccess.GetLength(file)];
        ReadExactly(bytes, 0);
        var whole = 0L;
        using var stream = new MemoryStream(bytes);
        while (stream.Position < stream.Length)
        {
            Report report;
            try
            {
                report = Report.Parser.ParseDelimitedFrom(stream);
            }
            catch (InvalidProtocolBufferException)
            {
                break;
            }

            if (report.ReportCase == Report.ReportOneofCase.None)
            {
                Acknowledged = report.Sequence;
            }
            else if (records.Count > 0 && report.Sequence != Last + 1)
            {
                break;
            }
            else
            {
                records.Add(new Record(report.Sequence, whole, (int)(stream.Position - whole)));
            }

            Last = report.Sequence;
            whole = stream.Position;
        }

        if (records.Count > 0)
        {
            Acknowledged = records[0].Sequence - 1;
        }

        return whole;
    }

    private void ReadExactly(Span<byte> bytes, long offset)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(file, bytes, offset);
            if (read == 0)
            {
                throw new EndOfStreamException($"{path} ends early.");
            }

            bytes = bytes[read..];
            offset += read;
        }
    }

    private static byte[] Delimited(Report report)
    {
        using var stream = new MemoryStream();
        report.WriteDelimitedTo(stream);
        return stream.ToArray();
    }

    private readonly record struct Record(ulong Sequence, long Offset, int Length);
}

using System.Text;

namespace Orchestrator.Worker.Agent.Trainers;

/// <summary>Cuts a stream of bytes into lines; an endless line is cut too, so that nothing grows.</summary>
internal static class LineSplitter
{
    public const int LongestLine = 8192;

    public static async Task ReadAsync(Stream stream, Action<string> line, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, bufferSize: 4096);
        var buffer = new char[4096];
        var pending = new StringBuilder();
        while (await reader.ReadAsync(buffer, cancellationToken) is var read and > 0)
        {
            foreach (var character in buffer.AsSpan(0, read))
            {
                if (character != '\n')
                {
                    pending.Append(character);
                }

                if (character == '\n' || pending.Length == LongestLine)
                {
                    line(pending.ToString().TrimEnd('\r'));
                    pending.Clear();
                }
            }
        }

        if (pending.Length > 0)
        {
            line(pending.ToString());
        }
    }
}

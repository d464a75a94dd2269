using System.Text;

namespace Orchestrator.Data.Importing;

/// <summary>Reads comma-separated rows (RFC 4180: quotes, doubled quotes, line ends within quotes) one at a time, into one reused buffer.
/// Blank lines are skipped.</summary>
internal sealed class CsvReader : IDisposable
{
    private const int GreatestRow = 16 << 20;

    private readonly string path;
    private readonly StreamReader reader;
    private readonly char[] block = new char[1 << 15];
    private readonly List<int> ends = [];
    private char[] text = new char[1 << 12];
    private int length;
    private int position;
    private int filled;

    public CsvReader(string path)
    {
        this.path = path;
        reader = new StreamReader(SourceFile.Open(path), Encoding.UTF8);
    }

    /// <summary>The current row's number, from 1; the header counts.</summary>
    public long Row { get; private set; }

    /// <summary>Fields of the current row.</summary>
    public int Count => ends.Count;

    /// <summary>A field of the current row, without its quotes.</summary>
    public ReadOnlySpan<char> this[int field]
    {
        get
        {
            var begin = field == 0 ? 0 : ends[field - 1];
            return text.AsSpan(begin, ends[field] - begin);
        }
    }

    /// <returns>False at the end.</returns>
    public bool Read()
    {
        do
        {
            ends.Clear();
            length = 0;
            if (Peek() < 0)
            {
                return false;
            }

            Row++;
            ReadFields();
        }
        while (ends.Count == 1 && ends[0] == 0);

        return true;
    }

    public DataFormatException Error(string code, string problem, string mend) => new(code, $"{path}: row {Row}: {problem}", mend);

    public void Dispose() => reader.Dispose();

    private void ReadFields()
    {
        while (true)
        {
            if (Peek() == '"')
            {
                ReadQuoted();
            }

            int next;
            while ((next = Take()) >= 0 && next != ',' && next != '\n')
            {
                Append((char)next);
            }

            if (next != ',' && length > (ends.Count == 0 ? 0 : ends[^1]) && text[length - 1] == '\r')
            {
                length--;
            }

            ends.Add(length);
            if (next != ',')
            {
                return;
            }
        }
    }

    private void ReadQuoted()
    {
        Take();
        while (true)
        {
            var next = Take();
            if (next < 0)
            {
                throw Error("quote", "a quote is opened and never closed", "close it, or double a quote that belongs to the value");
            }

            if (next == '"')
            {
                if (Peek() != '"')
                {
                    return;
                }

                Take();
            }

            Append((char)next);
        }
    }

    private void Append(char character)
    {
        if (length == text.Length)
        {
            if (length >= GreatestRow)
            {
                throw Error("too-large", $"it has more than {GreatestRow} characters", "check that this is a CSV file with line ends");
            }

            Array.Resize(ref text, 2 * text.Length);
        }

        text[length++] = character;
    }

    private int Take()
    {
        var next = Peek();
        position++;
        return next;
    }

    private int Peek()
    {
        if (position >= filled)
        {
            filled = reader.ReadBlock(block);
            position = 0;
            if (filled == 0)
            {
                return -1;
            }
        }

        return block[position];
    }
}

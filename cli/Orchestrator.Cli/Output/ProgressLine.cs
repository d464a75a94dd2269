using Orchestrator.Cli.Terminal;

namespace Orchestrator.Cli.Output;

/// <summary>A bar that stays on its line of stderr; nothing where nobody looks on.</summary>
public sealed class ProgressLine
{
    private const int Width = 30;

    private readonly TextWriter? _writer;

    private readonly string _doing;

    private int _longest;

    private string _last = "";

    private ProgressLine(TextWriter? writer, string doing) => (_writer, _doing) = (writer, doing);

    public static ProgressLine On(Shell shell, bool quiet, string doing) => new(shell.Interactive && !quiet ? shell.Error : null, doing);

    /// <param name="done">Bytes.</param>
    /// <param name="whole">Bytes; 0 where unknown.</param>
    public void Show(long done, long whole) =>
        Say(whole > 0 ? $"{_doing} {Plain.Bar((double)done / whole, Width)} {done * 100 / whole,3}% of {Plain.Bytes(whole)}" : $"{_doing} {Plain.Bytes(done)}");

    public void Say(string text)
    {
        if (_writer is not null && text != _last)
        {
            _writer.Write("\r" + text.PadRight(_longest));
            _longest = Math.Max(_longest, text.Length);
            _last = text;
        }
    }

    public void Clear() => _writer?.Write("\r" + new string(' ', _longest) + "\r");
}

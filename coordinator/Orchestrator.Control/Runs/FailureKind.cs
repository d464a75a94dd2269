namespace Orchestrator.Control.Runs;

/// <summary>Why a generation ended before its work was done.</summary>
public enum FailureKind
{
    /// <summary>Its slot was taken for something else, or its agent drains: free.</summary>
    Preempted,

    /// <summary>Its process or machine is gone.</summary>
    Lost,

    /// <summary>No progress for longer than its phase may take.</summary>
    Hung,

    /// <summary>The user's code threw: the same again on every try.</summary>
    User,

    /// <summary>NaN in loss or gradient: the same again on every try.</summary>
    Diverged,

    OutOfMemory,

    /// <summary>A checkpoint's bytes do not match their hashes.</summary>
    Corrupt,
}

/// <summary>The names of the contract: preempted lost hung user diverged out-of-memory corrupt.</summary>
public static class FailureKinds
{
    public static string Name(this FailureKind kind) => kind switch
    {
        FailureKind.Preempted => "preempted",
        FailureKind.Lost => "lost",
        FailureKind.Hung => "hung",
        FailureKind.User => "user",
        FailureKind.Diverged => "diverged",
        FailureKind.OutOfMemory => "out-of-memory",
        FailureKind.Corrupt => "corrupt",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>A name that this version does not know counts as lost: retried, within a budget.</summary>
    public static FailureKind Parse(string name) => name switch
    {
        "preempted" => FailureKind.Preempted,
        "hung" => FailureKind.Hung,
        "user" => FailureKind.User,
        "diverged" => FailureKind.Diverged,
        "out-of-memory" => FailureKind.OutOfMemory,
        "corrupt" => FailureKind.Corrupt,
        _ => FailureKind.Lost,
    };

    /// <summary>The file and seed alone bring it about, so that a second try gives the same.</summary>
    public static bool IsDeterministic(this FailureKind kind) => kind is FailureKind.User or FailureKind.Diverged;
}

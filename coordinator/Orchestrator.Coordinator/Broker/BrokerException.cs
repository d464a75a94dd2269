namespace Orchestrator.Coordinator.Broker;

/// <summary>The broker cannot be used as configured: one line that says what and where, and the mend.</summary>
/// <param name="code">Stable: broker-address, broker-denied, broker-unreachable, broker-unavailable.</param>
public class BrokerException(string code, string message, string mend, Exception? inner = null) : Exception(message, inner)
{
    public string Code { get; } = code;

    public string Mend { get; } = mend;
}

/// <summary>The broker was away for the whole time that a send may wait. Whether it has the message is not known: send it again.</summary>
public sealed class BrokerUnavailableException(string message, Exception? inner = null)
    : BrokerException("broker-unavailable", message, "Start the broker again: sending goes on by itself.", inner);

using Orchestrator.V1;

namespace Orchestrator.Worker.Agent.Session;

/// <summary>
/// What a report still says that an earlier life of this agent has left in its folder. The trainers of that life ended with it, so none of them is ready: one of the same name may be on its way
/// already, and its peers would look for it at the dead one's address.
/// </summary>
internal static class InheritedReport
{
    public static Report Of(Report report)
    {
        if (report.ReportCase is Report.ReportOneofCase.Ready)
        {
            // It keeps its number, and says nothing.
            report.ClearReport();
        }

        return report;
    }
}

using Orchestrator.Specs;
using Xunit;

namespace Orchestrator.Training.Tests;

public sealed class MetricCourseTests
{
    private static readonly CheckpointSpec Smallest = new() { Metric = "m", Goal = "minimize" };

    [Fact]
    public void A_run_is_exhausted_after_as_many_epochs_without_a_better_value_as_its_patience()
    {
        var training = new TrainingSpec { Checkpoint = Smallest, EarlyStopping = new EarlyStoppingSpec { Patience = 2 } };
        Assert.Equal([false, false, false, false, false, true], Courses(training, 3, 2, 2.5, 1, 1, 1).Select(course => course.IsExhausted(training)));
        Assert.All(Courses(training with { EarlyStopping = null }, 3, 3, 3, 3), course => Assert.False(course.IsExhausted(training with { EarlyStopping = null })));
    }

    [Fact]
    public void A_value_counts_only_where_it_is_better_by_min_delta()
    {
        var training = new TrainingSpec { Checkpoint = Smallest, EarlyStopping = new EarlyStoppingSpec { Patience = 2, MinDelta = 0.5 } };
        Assert.Equal([0, 1, 0, 1, 2], Courses(training, 3, 2.6, 2.4, 2, 2.2).Select(course => course.StopWaited));
    }

    [Fact]
    public void An_epoch_that_was_not_measured_does_not_count()
    {
        var training = new TrainingSpec
        {
            Checkpoint = Smallest,
            EarlyStopping = new EarlyStoppingSpec { Patience = 2 },
            Schedule = new ScheduleSpec { Name = "plateau", Factor = 0.5, Patience = 1 },
        };
        var course = Courses(training, 1, 2)[^1];
        Assert.Equal((1, 0.5), (course.StopWaited, course.RateFactor));
        Assert.Equal(course, course.After(new Dictionary<string, double> { ["train_loss"] = 3 }, training));
    }

    [Fact]
    public void The_rate_falls_at_each_plateau_and_waits_anew()
    {
        var training = new TrainingSpec { Checkpoint = Smallest with { Goal = "maximize" }, Schedule = new ScheduleSpec { Name = "plateau", Factor = 0.5, Patience = 2 } };
        Assert.Equal([1, 1, 0.5, 0.5, 0.25, 0.25, 0.25], Courses(training, 3, 2, 3, 1, 1, 4, 1).Select(course => course.RateFactor));
    }

    [Fact]
    public void The_state_takes_the_course_along()
    {
        var course = new MetricCourse(0.5, 3, double.NaN, 0, 0.1);
        var (sender, receiver) = (new TrainingState { Course = course }, new TrainingState());
        receiver.Take(sender.ToBytes());
        Assert.Equal(course, receiver.Course);
    }

    private static List<MetricCourse> Courses(TrainingSpec training, params double[] values)
    {
        var courses = new List<MetricCourse> { MetricCourse.Beginning };
        foreach (var value in values)
        {
            courses.Add(courses[^1].After(new Dictionary<string, double> { ["m"] = value }, training));
        }

        return courses[1..];
    }
}

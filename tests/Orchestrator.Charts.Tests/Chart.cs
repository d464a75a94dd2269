using k8s;
using k8s.Models;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Orchestrator.Charts.Tests;

public sealed class Chart
{
    [Theory]
    [InlineData]
    [InlineData("--set", "autoscaling.enabled=true", "--set", "worker.device=cuda")]
    public void Helm_finds_nothing_to_complain_about(params string[] values)
    {
        var (exitCode, output, errors) = Helm.Run(["lint", "--strict", Helm.Chart, .. values]);
        Assert.True(exitCode == 0, output + errors);
    }

    [Fact]
    public void Every_object_is_what_the_api_server_knows()
    {
        var objects = Objects();
        Assert.Single(objects.OfType<V1StatefulSet>());
        Assert.Single(objects.OfType<V1Deployment>());
        Assert.Single(objects.OfType<V1Service>());
        Assert.Single(objects.OfType<V1PodDisruptionBudget>());
        Assert.Single(objects.OfType<V1ServiceAccount>());
        Assert.Equal(2, objects.OfType<V1NetworkPolicy>().Count());
    }

    [Fact]
    public void Pods_run_without_rights()
    {
        var objects = Objects();
        V1PodSpec[] pods = [objects.OfType<V1StatefulSet>().Single().Spec.Template.Spec, objects.OfType<V1Deployment>().Single().Spec.Template.Spec];
        Assert.All(pods, pod =>
        {
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.False(pod.AutomountServiceAccountToken);
            var container = Assert.Single(pod.Containers);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.NotEmpty(container.Resources.Requests);
            Assert.True(container.Resources.Limits.ContainsKey("memory"));
        });
    }

    [Fact]
    public void Selectors_find_the_pods()
    {
        var objects = Objects();
        var worker = objects.OfType<V1Deployment>().Single();
        Assert.All(worker.Spec.Selector.MatchLabels, label => Assert.Equal(label.Value, worker.Spec.Template.Metadata.Labels[label.Key]));
        var coordinator = objects.OfType<V1StatefulSet>().Single();
        var service = objects.OfType<V1Service>().Single();
        Assert.All(service.Spec.Selector, label => Assert.Equal(label.Value, coordinator.Spec.Template.Metadata.Labels[label.Key]));
        Assert.Contains($"--coordinator={service.Metadata.Name}:5080", worker.Spec.Template.Spec.Containers[0].Args);
    }

    [Fact]
    public void Autoscaling_follows_the_slots_that_are_wanted()
    {
        var documents = Documents("--set", "autoscaling.enabled=true", "--set", "worker.slots=2");
        var scaled = documents.Single(document => Text(document, "kind") == "ScaledObject");
        var trigger = (YamlMappingNode)((YamlSequenceNode)scaled["spec"]["triggers"])[0];
        Assert.Equal("metrics-api", Text(trigger, "type"));
        Assert.Equal("slotsWanted", Text((YamlMappingNode)trigger["metadata"], "valueLocation"));
        Assert.Equal("2", Text((YamlMappingNode)trigger["metadata"], "targetValue"));
        var target = documents.Single(document => Text(document, "kind") == "Deployment");
        Assert.Equal(Text((YamlMappingNode)target["metadata"], "name"), Text((YamlMappingNode)scaled["spec"]["scaleTargetRef"], "name"));
        Assert.False(((YamlMappingNode)target["spec"]).Children.ContainsKey("replicas"));
    }

    [Fact]
    public void A_gpu_pool_asks_for_a_device_a_slot()
    {
        var worker = Objects("--set", "worker.device=cuda", "--set", "worker.slots=2").OfType<V1Deployment>().Single();
        Assert.Equal("2", worker.Spec.Template.Spec.Containers[0].Resources.Limits["nvidia.com/gpu"].ToString());
    }

    [Theory]
    [InlineData("worker.slots=0", "slots")]
    [InlineData("worker.slotz=1", "slotz")]
    [InlineData("worker.device=tpu", "device")]
    [InlineData("coordinator.storage.size=big", "size")]
    [InlineData("worker.peerPorts.last=6000", "peerPorts")]
    public void A_wrong_value_is_refused_by_name(string value, string named)
    {
        var (exitCode, _, errors) = Helm.Run("template", "training", Helm.Chart, "--set", value);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(named, errors, StringComparison.Ordinal);
    }

    private static List<object> Objects(params string[] values) => KubernetesYaml.LoadAllFromString(Template(values), null, strict: true);

    private static List<YamlMappingNode> Documents(params string[] values)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Template(values)));
        return [.. stream.Documents.Select(document => document.RootNode).OfType<YamlMappingNode>()];
    }

    private static string Template(string[] values)
    {
        var (exitCode, output, errors) = Helm.Run(["template", "training", Helm.Chart, .. values]);
        Assert.True(exitCode == 0, errors);
        return output;
    }

    private static string Text(YamlMappingNode node, string key) => ((YamlScalarNode)node[key]).Value!;
}

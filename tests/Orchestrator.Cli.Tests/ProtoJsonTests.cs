using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Orchestrator.Cli.Output;
using Orchestrator.V1;

namespace Orchestrator.Cli.Tests;

public sealed class ProtoJsonTests
{
    [Fact]
    public void A_sweep_is_written_as_scripts_expect_it()
    {
        var sweep = new Sweep
        {
            Id = "s-1",
            Name = "digits",
            State = "running",
            Objective = new() { Metric = "val_accuracy", Goal = "maximize" },
            Repeatable = true,
            Labels = { ["team"] = "vision", ["area"] = "é\"" },
            Trials =
            {
                new Trial
                {
                    Number = 0, State = "succeeded", Run = "r-1", Epochs = 30, Seconds = 4.25,
                    Parameters = new()
                    {
                        Fields =
                        {
                            ["lr"] = Value.ForNumber(0.003),
                            ["layers"] = Value.ForList(Value.ForNumber(128), Value.ForNumber(64)),
                            ["optimizer"] = Value.ForString("sgd"),
                            ["nesterov"] = Value.ForBool(true),
                            ["clip"] = Value.ForNull(),
                            ["nested"] = Value.ForStruct(new() { Fields = { ["n"] = Value.ForNumber(1e15) } }),
                        },
                    },
                    Metrics = { ["val_loss"] = double.NaN, ["val_accuracy"] = 0.97 },
                },
            },
        };

        Assert.Equal(
            """
            {"id":"s-1","name":"digits","state":"running","objective":{"metric":"val_accuracy","goal":"maximize"},
            "trials":[{"number":0,"state":"succeeded",
            "parameters":{"clip":null,"layers":[128,64],"lr":0.003,"nested":{"n":1000000000000000},"nesterov":true,"optimizer":"sgd"},
            "metrics":{"val_accuracy":0.97,"val_loss":"NaN"},"run":"r-1","epochs":30,"seconds":4.25,"message":"","values":[],"reason":"","worker":""}],
            "repeatable":true,"message":"","labels":{"area":"é\"","team":"vision"},"traceId":"","submittedAt":"","seconds":0,"trialsPlanned":0,
            "objectives":[],"front":[],"bestSoFar":[],"importance":[],"sampler":"","stopper":"","parallel":0}
            """.ReplaceLineEndings(""),
            ProtoJson.Line(sweep));
    }

    [Fact]
    public void Sixty_four_bit_integers_are_numbers_and_absent_optionals_are_absent()
    {
        Assert.Equal(
            """{"id":"r","follow":false}""",
            ProtoJson.Line(new GetRunLogsRequest { Id = "r" }));
        Assert.Equal(
            """{"id":"r","follow":false,"rank":0}""",
            ProtoJson.Line(new GetRunLogsRequest { Id = "r", Rank = 0 }));
        Assert.Equal(
            """
            {"name":"d","features":{"image":{"dtype":"u8","shape":[1,8,8]}},"rows":{"train":9007199254740993,"validation":0,"test":0},
            "classes":["0"],"bytes":0,"chunks":[],"manifestSha256":""}
            """.ReplaceLineEndings(""),
            ProtoJson.Line(new Dataset
            {
                Name = "d",
                Features = { ["image"] = new() { Dtype = "u8", Shape = { 1, 8, 8 } } },
                Rows = new() { Train = 9007199254740993 },
                Classes = { "0" },
            }));
    }

    [Fact]
    public void An_unset_choice_of_a_oneof_is_absent() =>
        Assert.Equal("""{"id":""}""", ProtoJson.Line(new FetchCheckpointRequest { Id = "" }));

    [Fact]
    public void Lists_are_bare_arrays()
    {
        Assert.Equal("[]", ProtoJson.Text([]));
        using var array = JsonDocument.Parse(ProtoJson.Text([new Chunk { Rows = 2 }, new Chunk { Rows = 3 }]));
        Assert.Equal([2L, 3L], array.RootElement.EnumerateArray().Select(chunk => chunk.GetProperty("rows").GetInt64()));
    }

    [Fact]
    public void Bytes_are_base64() =>
        Assert.Equal("""{"sha256":"","data":"AQID"}""", ProtoJson.Line(new ChunkPart { Data = ByteString.CopyFrom(1, 2, 3) }));
}

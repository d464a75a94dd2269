# A rank of PyTorch's own training loop, as its examples have it: says that it is ready, then for each line "STEPS" the seconds that so many steps took, after three that it does not count.
# With more ranks than one it is DistributedDataParallel over Gloo. The networks are those of the plain TorchSharp loop, the images random.
import json
import os
import sys
import time

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as functional

rank, world, port, batch = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
model = json.loads(sys.argv[5])
torch.set_num_threads(1)
torch.manual_seed(1)
images = torch.randint(0, 256, (60_000, 1, 28, 28), dtype=torch.uint8)
labels = torch.arange(60_000) % 10
layers, channels, side = [], 1, 28
for width in model.get("channels", []):
    layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    channels, side = width, side // 2
layers.append(nn.Flatten())
inputs = channels * side * side
for width in model["hidden"]:
    layers += [nn.Linear(inputs, width), nn.ReLU()]
    inputs = width
network = nn.Sequential(*layers, nn.Linear(inputs, 10))
if world > 1:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    network = nn.parallel.DistributedDataParallel(network)
optimizer = torch.optim.Adam(network.parameters(), 1e-3)


def step():
    rows = torch.randint(0, len(images), (batch,))
    loss = functional.cross_entropy(network(images[rows].float().div_(255)), labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


print("ready", flush=True)
for line in sys.stdin:
    for _ in range(3):
        step()
    began = time.perf_counter()
    for _ in range(int(line)):
        step()
    print(time.perf_counter() - began, flush=True)

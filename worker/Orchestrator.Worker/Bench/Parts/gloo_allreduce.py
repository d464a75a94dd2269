# A rank of PyTorch's all-reduce over Gloo: says that it is ready, then for each line "KILOBYTES COUNT" the seconds that COUNT sums of values just written took.
import sys
import time

import torch
import torch.distributed as dist

rank, world, port = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
print("ready", flush=True)
for line in sys.stdin:
    kilobytes, count = map(int, line.split())
    values = torch.zeros(kilobytes << 8)
    dist.all_reduce(values)
    spent = 0.0
    for index in range(count):
        values.fill_(index)
        began = time.perf_counter()
        dist.all_reduce(values)
        spent += time.perf_counter() - began
    print(spent, flush=True)

# What `orch bench recovery` is held against: two ranks under torchrun's elastic agent, the network and batch of the bench, a checkpoint every 45 steps.
import os, sys, tempfile
# Where it was built without libuv, the store that it would share with its ranks can't be asked for.
os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

WORKER = r'''
import os, sys, torch, torch.nn as nn, torch.distributed as dist
torch.set_num_threads(1)
torch.manual_seed(0)
dist.init_process_group("gloo")
rank, path = dist.get_rank(), sys.argv[1]
net = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
optimizer = torch.optim.AdamW(net.parameters(), 1e-4)
begin = 0
if os.path.exists(path):
    state = torch.load(path)
    net.load_state_dict(state["model"]); optimizer.load_state_dict(state["optimizer"]); begin = state["step"]
model = nn.parallel.DistributedDataParallel(net)
x, y = torch.rand(1437, 64), torch.randint(0, 10, (1437,))
for step in range(begin, 1 << 40):
    rows = torch.randint(0, 1437, (16,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    if rank == 0 and step % 45 == 44:
        torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, path + ".new")
        os.replace(path + ".new", path)
    sys.stdout.write(f"step {rank} {os.getpid()} {step - begin}\n")
'''

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        config = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=2, max_restarts=int(sys.argv[1]) + 1, monitor_interval=0.1, rdzv_backend="c10d", rdzv_endpoint=os.path.join(folder, "meeting"), rdzv_configs={"store_type": "file"}, local_addr="127.0.0.1", run_id="bench")
        elastic_launch(config, sys.executable)("-u", "-c", WORKER, os.path.join(folder, "last.pt"))

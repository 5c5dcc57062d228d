"""The healthy machine's host: two sockets, eight adapters, room and limits enough."""

from gpubench.env.snapshot import Folder, Limits, Place, Toolchain, Toolkit, Topology, Tuning

CUDA = "/usr/lib/x86_64-linux-gnu/libcuda.so.1"
LIMITS = Limits(open_files=1048576, machine_cpus=96)


def folder(purpose, path, **fields):
    return Folder(
        purpose=purpose,
        path=path,
        **{
            "file_system": "ext4",
            "is_writable": True,
            "runs_programs": True,
            "size_bytes": 2**41,
            "free_bytes": 2**40,
            "free_files": 10**8,
            **fields,
        },
    )


FOLDERS = (
    folder("temporary files", "/tmp"),
    folder("home", "~"),
    folder("HF_HOME", "~/.cache/huggingface"),
    folder("TORCH_HOME", "~/.cache/torch"),
)
TOPOLOGY = Topology(
    is_virtual=False,
    sockets=2,
    numa_nodes=2,
    allowed_numa_nodes=(0, 1),
    places=(
        *(Place(address=f"0000:{n + 1:02x}:00.0", kind="gpu", numa_node=n // 4) for n in range(8)),
        *(Place(address=f"0000:{n + 17:02x}:00.0", kind="nic", numa_node=n // 4) for n in range(8)),
    ),
    redirecting_bridges=(),
    iommu="identity",
    interfaces=("eno1", "ibs0", "lo"),
    infiniband=tuple(f"mlx5_{n}" for n in range(8)),
    peer_modules=("nvidia_peermem",),
)
TUNING = Tuning(
    governors=("performance",),
    clocksource="tsc",
    clocksources=("tsc", "hpet", "acpi_pm"),
    is_clock_synchronised=True,
    secure_boot=False,
    taint=4096,
    stuck=(),
)
TOOLCHAIN = Toolchain(
    cc="/usr/bin/gcc",
    cxx="/usr/bin/g++",
    python_h="/usr/include/Python.h",
    cc_compiles=True,
    cc_release="13.2.0",
    ninja="/usr/bin/ninja",
    toolkits=(Toolkit(named_by="default", path="/usr/local/cuda", release="12.8", has_nvcc=True),),
    ptxas="/opt/venv/lib/python3.11/site-packages/triton/backends/nvidia/bin/ptxas",
    ptxas_release="12.8",
    libcuda_on_path=(),
    libcuda_in_cache=(CUDA,),
)

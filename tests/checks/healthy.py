"""A healthy machine with eight H100, and the ways to break one thing of it."""

import dataclasses

from gpubench.checks.registry import CHECKS
from gpubench.checks.running import run_checks
from gpubench.env.snapshot import (
    Container,
    CudaInit,
    DeviceNode,
    Distribution,
    Driver,
    Gpu,
    Host,
    LibraryFile,
    Nvml,
    PciDevice,
    PciLink,
    Python,
    Snapshot,
    Torch,
    TorchDevice,
    TorchRun,
)
from tests.checks import healthy_host
from tests.checks.proved import PROOFS, SOAKS

SITE = "/opt/venv/lib/python3.11/site-packages"
NODES = ("/dev/nvidiactl", "/dev/nvidia-uvm", *(f"/dev/nvidia{n}" for n in range(8)))
GPU = Gpu(
    index=0,
    name="NVIDIA H100 80GB HBM3",
    uuid="0123456789abcdef",
    pci_address="00000000:01:00.0",
    compute_capability="9.0",
    vbios="96.00.74.00.01",
    memory_bytes=85520809984,
    memory_used_bytes=1048576,
    memory_reserved_bytes=670040064,
    ecc_enabled=True,
    ecc_pending=True,
    ecc_uncorrected_volatile=0,
    ecc_uncorrected_aggregate=0,
    ecc_corrected_volatile=0,
    ecc_sram_uncorrected_volatile=0,
    ecc_sram_uncorrected_aggregate=0,
    ecc_sram_corrected_volatile=0,
    ecc_sram_threshold_exceeded=False,
    ecc_dram_uncorrected_volatile=0,
    ecc_dram_uncorrected_aggregate=0,
    ecc_dram_corrected_volatile=0,
    rows_remapped_corrected=0,
    rows_remapped_uncorrected=0,
    rows_pending=False,
    rows_failed=False,
    rows_banks_low=0,
    rows_banks_none=0,
    throttle_reasons=1,
    throttled_thermal_seconds=0.0,
    throttled_power_brake_seconds=0.0,
    throttled_software_thermal_seconds=0.0,
    clock_graphics_mhz=345,
    clock_graphics_max_mhz=1980,
    clock_graphics_applications_mhz=1980,
    clock_graphics_default_mhz=1980,
    clock_memory_max_mhz=2619,
    clock_memory_applications_mhz=2619,
    clock_memory_default_mhz=2619,
    temperature_c=31,
    temperature_slowdown_c=89,
    temperature_shutdown_c=92,
    temperature_memory_c=35,
    temperature_memory_max_c=95,
    power_w=70.0,
    power_limit_w=700.0,
    power_limit_default_w=700.0,
    pcie_generation=1,
    pcie_generation_max=5,
    pcie_generation_device_max=5,
    pcie_width=16,
    pcie_width_max=16,
    pcie_replays=0,
    nvlinks=(True,) * 18,
    nvlink_crc_errors=(0,) * 18,
    nvlink_replays=(0,) * 18,
    nvlink_recoveries=(0,) * 18,
    fabric_state="completed",
    fabric_status=0,
    fabric_problems=(),
    mig_enabled=False,
    mig_pending=False,
    persistence=True,
    compute_mode="default",
    process_count=0,
    recovery_action="none",
    inforom_valid=True,
    gsp_firmware="580.82.07",
)
TORCH_REQUIRES = (
    "nvidia-cublas-cu12==12.8.4.1",
    "nvidia-cuda-runtime-cu12==12.8.90",
    "nvidia-cudnn-cu12==9.10.2.21",
    "nvidia-nccl-cu12==2.27.3",
    "triton==3.4.0",
    "sympy>=1.13.3",
)


def distribution(name, version, **more):
    return Distribution(name=name, version=version, folder=SITE, **more)


HEALTHY = Snapshot(
    level="standard",
    host=Host(
        system="Ubuntu 24.04 LTS",
        kernel="6.8.0",
        machine="x86_64",
        cpu_count=96,
        memory_bytes=2**41,
        shm_bytes=2**40,
        memlock_bytes=-1,
        memory_available_bytes=2**40,
        libc="glibc 2.39",
        limits=healthy_host.LIMITS,
        folders=healthy_host.FOLDERS,
        topology=healthy_host.TOPOLOGY,
        tuning=healthy_host.TUNING,
    ),
    environment={},
    driver=Driver(
        module_loaded=True,
        version="580.82.07",
        flavour="open",
        nouveau_loaded=False,
        uvm_loaded=True,
        pci_devices=(
            *(
                PciDevice(
                    address=f"0000:{n + 1:02x}:00.0",
                    device_id="2330",
                    device_class="030200",
                    driver="nvidia",
                    links=(
                        PciLink(
                            address=f"0000:{n + 1:02x}:00.0", width=16, width_max=16, speed_max=32.0
                        ),
                        PciLink(
                            address=f"0000:00:{n + 1:02x}.0", width=16, width_max=16, speed_max=32.0
                        ),
                    ),
                    aer_correctable=0,
                    aer_nonfatal=0,
                    aer_fatal=0,
                )
                for n in range(8)
            ),
            *(
                PciDevice(
                    address=f"0000:c{n}:00.0",
                    device_id="22a3",
                    device_class="068000",
                    driver="nvidia-nvswitch",
                )
                for n in range(4)
            ),
        ),
        device_nodes=tuple(DeviceNode(path=path, accessible=True) for path in NODES),
        version_on_disk="580.82.07",
        firmware_files=("gsp_ga10x.bin", "gsp_tu10x.bin"),
        fabric_manager_running=True,
        fabric_manager_version="580.82.07",
        uptime_seconds=86400.0,
        nvml=Nvml(
            code=0,
            message="",
            device_count=8,
            driver_version="580.82.07",
            cuda_version="13.0",
            cc_enabled=False,
        ),
    ),
    gpus=tuple(
        dataclasses.replace(
            GPU,
            index=n,
            pci_address=f"00000000:{n + 1:02X}:00.0",
            p2p_read=tuple("X" if n == peer else "OK" for peer in range(8)),
            p2p_nvlink=tuple("X" if n == peer else "OK" for peer in range(8)),
        )
        for n in range(8)
    ),
    kernel_events=(),
    python=Python(
        executable="/opt/venv/bin/python",
        version="3.11.9",
        implementation="CPython",
        kind="venv",
        distributions=(
            distribution(
                "torch",
                "2.8.0",
                requires=TORCH_REQUIRES,
                build="2.8.0+cu128",
                record_read=True,
                numpy_built=2,
            ),
            distribution("torchvision", "0.23.0", requires=("torch==2.8.0",), build="0.23.0+cu128"),
            distribution("torchaudio", "2.8.0", requires=("torch==2.8.0",), build="2.8.0+cu128"),
            distribution("triton", "3.4.0"),
            distribution("nvidia-cublas-cu12", "12.8.4.1"),
            distribution("nvidia-cuda-runtime-cu12", "12.8.90"),
            distribution("nvidia-cudnn-cu12", "9.10.2.21"),
            distribution("nvidia-nccl-cu12", "2.27.3"),
            distribution("numpy", "2.2.1"),
            distribution("sympy", "1.13.3"),
            distribution("accelerate", "1.10.1", requires=("torch>=2.0.0",)),
            distribution("flash-attn", "2.8.3+cu12torch2.8cxx11abiTRUE", requires=("torch",)),
        ),
    ),
    torch=Torch(
        version="2.8.0+cu128",
        cuda="12.8",
        git="a1cb3cc05d46d198467bebbb6e8fba50a325d4e7",
        architectures=("sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
        libraries=(
            LibraryFile(
                name="cudnn",
                path=f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9",
                version="9.10.2",
                origin="wheel",
            ),
            LibraryFile(
                name="nccl",
                path=f"{SITE}/nvidia/nccl/lib/libnccl.so.2",
                version="2.27.3",
                origin="wheel",
            ),
        ),
    ),
    toolchain=healthy_host.TOOLCHAIN,
    cuda_init=CudaInit(code=0, name="CUDA_SUCCESS", driver_cuda="13.0", device_count=8),
    torch_run=TorchRun(
        ended="done",
        phase="done",
        seconds=12.0,
        version="2.8.0+cu128",
        cuda="12.8",
        cuda_available=True,
        cudnn="9.10.2",
        architectures=("sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
        devices=tuple(
            TorchDevice(name="NVIDIA H100 80GB HBM3", capability="9.0", memory_bytes=85029158912)
            for _ in range(8)
        ),
        proofs=PROOFS,
        soaks=SOAKS,
        torchvision_ops=True,
        numpy_bridge=True,
        loaded=(f"{SITE}/nvidia/cudnn/lib/libcudnn.so.9",),
    ),
)
"""Eight H100, driver 580, torch 2.8.0 with CUDA 12.8; nothing is wrong."""

QUICK = dataclasses.replace(HEALTHY, level="quick", cuda_init=None, torch_run=None)
"""The same as --level quick sees it: nothing was run, so tables have the word."""

NO_GPU = dataclasses.replace(
    QUICK,
    driver=Driver(
        module_loaded=False,
        nouveau_loaded=False,
        uvm_loaded=False,
        pci_devices=(),
        device_nodes=(),
        nvml=Nvml(code=12, message="NVML Shared Library Not Found"),
    ),
    gpus=(),
)
"""The same environment on a machine without a GPU."""

DOCKER = Container(runtime="docker", evidence="/.dockerenv")


def judge(check_id, snapshot):
    """The outcome of one check alone, whatever its prerequisites say."""
    return next(check for check in CHECKS if check.id == check_id).judge(snapshot)


def results(snapshot, **options):
    """Every check's result by its id."""
    return {result.check.id: result for result in run_checks(snapshot, **options)}


def change(snapshot, **fields):
    return dataclasses.replace(snapshot, **fields)


def with_driver(snapshot, **fields):
    return change(snapshot, driver=dataclasses.replace(snapshot.driver, **fields))


def with_driver_version(snapshot, version):
    nvml = dataclasses.replace(snapshot.driver.nvml, driver_version=version)
    others = {"version_on_disk": version, "fabric_manager_version": version}
    return with_driver(snapshot, version=version, nvml=nvml, **others)


def with_nvml(snapshot, **fields):
    return with_driver(snapshot, nvml=dataclasses.replace(snapshot.driver.nvml, **fields))


def with_gpus(snapshot, **fields):
    return change(snapshot, gpus=tuple(dataclasses.replace(gpu, **fields) for gpu in snapshot.gpus))


def with_gpu(snapshot, index, **fields):
    gpus = list(snapshot.gpus)
    gpus[index] = dataclasses.replace(gpus[index], **fields)
    return change(snapshot, gpus=tuple(gpus))


def with_torch(snapshot, **fields):
    return change(snapshot, torch=dataclasses.replace(snapshot.torch, **fields))


def with_run(snapshot, **fields):
    return change(snapshot, torch_run=dataclasses.replace(snapshot.torch_run, **fields))


def with_distribution(snapshot, name, **fields):
    """One distribution changed, or added where there is none of that name."""
    found = list(snapshot.python.distributions)
    for place, entry in enumerate(found):
        if entry.name == name:
            found[place] = dataclasses.replace(entry, **fields)
            break
    else:
        found.append(Distribution(name=name, folder=SITE, **fields))
    return with_distributions(snapshot, found)


def without_distribution(snapshot, *names):
    kept = [entry for entry in snapshot.python.distributions if entry.name not in names]
    return with_distributions(snapshot, kept)


def with_distributions(snapshot, found):
    return change(snapshot, python=dataclasses.replace(snapshot.python, distributions=tuple(found)))


def with_torch_release(snapshot, version, cuda, architectures):
    """Another torch build, whole and with nothing that belongs to the old one."""
    kept = [entry for entry in snapshot.python.distributions if entry.name in ("numpy", "sympy")]
    torch = distribution("torch", version, record_read=True)
    changed = with_distributions(snapshot, [torch, *kept])
    tag = f"cu{cuda.replace('.', '')}" if cuda else "cpu"
    return with_torch(
        changed,
        version=f"{version}+{tag}",
        cuda=cuda,
        architectures=None if architectures is None else tuple(architectures),
        libraries=(),
    )

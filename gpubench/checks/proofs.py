"""What the computations of torch have shown: it overrides what versions and files suggest."""

from gpubench.env.snapshot import Snapshot, TorchRun


def ran_right(snapshot: Snapshot) -> bool:
    """True where torch ran to its end and every computation it could do came out right."""
    run = snapshot.torch_run
    return run is not None and run.ended == "done" and _agree(run, "")


def ran_right_on_gpu(snapshot: Snapshot) -> bool:
    """The same, with computations on a GPU among them."""
    run = snapshot.torch_run
    return run is not None and ran_right(snapshot) and _agree(run, "cuda")


def _agree(run: TorchRun, device: str) -> bool:
    done = [p for p in run.proofs if p.is_supported and p.device.startswith(device)]
    return bool(done) and all(proof.agrees for proof in done)

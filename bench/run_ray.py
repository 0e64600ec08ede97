"""One run on a Ray cluster of this machine, or in threads: ``python -m bench.run_ray SPEC``."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import nullcontext
from typing import Any

import firth
from bench.run_firth import digest
from firth.distributed.cluster import cluster

LOOK_SECONDS = 0.1


def main() -> None:
    """Train with ``shards`` on ``workers`` workers (0: in ``threads`` threads); print what was measured."""
    spec = json.loads(sys.argv[1])
    workers, began = spec["workers"], time.perf_counter()
    config = firth.TrainConfig(
        epochs=spec["epochs"], shards=spec["shards"], threads=1 if workers else spec["threads"]
    )
    with cluster(processors=workers) if workers else nullcontext() as ray:
        started = time.perf_counter() - began
        peak = StorePeak(ray)
        model = firth.train(spec["corpus"], config, ray=bool(workers), cache=spec["cache"])
        timing, about = model.config["timing"], model.config.get("cluster", {})
        whole = time.perf_counter() - began
        print(
            json.dumps(
                {
                    "train_seconds": timing["train_seconds"],
                    "words_per_second": timing["words_per_second"],
                    "cluster_seconds": started,
                    "start_seconds": whole - timing["encode_seconds"] - timing["train_seconds"],
                    "store_peak_bytes": peak.bytes,
                    "digest": digest(model),
                    "loss": model.config["loss"],
                    **about,
                }
            )
        )


class StorePeak:
    """Watches how many bytes of the object stores are taken."""

    def __init__(self, ray: Any) -> None:
        """Look every LOOK_SECONDS from now on, until the process ends."""
        self.bytes = 0
        if ray is not None:
            threading.Thread(target=self._watch, args=[ray], daemon=True).start()

    def _watch(self, ray: Any) -> None:
        name = "object_store_memory"
        while ray.is_initialized():
            taken = ray.cluster_resources().get(name, 0) - ray.available_resources().get(name, 0)
            self.bytes = max(self.bytes, int(taken))
            time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()

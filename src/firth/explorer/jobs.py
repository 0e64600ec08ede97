"""The map of a model, made beside the page: by PCA at once, then the good layout, which takes minutes.

The good layout is computed by a process of its own at low priority (:mod:`firth.explorer.layout_process`),
so that it takes neither Python's lock nor the processor from those who ask for neighbours. It ends with
this process, however that ends. The map is kept in the model's folder, where there is one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import tempfile
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from firth.embeddings import Embeddings
from firth.errors import FirthError, FormatError, MissingExtraError
from firth.explorer import layout_process
from firth.explorer.payload import FOREVER, Payload, json_payload
from firth.explorer.processors import environment
from firth.formats import save
from firth.formats.native import is_model_folder
from firth.notes import note
from firth.projection import WordMap, compute
from firth.projection.layout import library
from firth.projection.map_file import read_map, write_map
from firth.projection.telling import sentences
from firth.projection.trust import TRUE_NEIGHBORS, near_words
from firth.projection.trust import definition as definition_of
from firth.projection.word_map import PCA, TSNE

logger = logging.getLogger("firth")


class DrawnMap:
    """A map as the page reads it, with a version that is a digest: what has one version never changes."""

    def __init__(self, word_map: WordMap, model: Embeddings) -> None:
        """Put the points together."""
        self.map, self._model = word_map, model
        positions = np.ascontiguousarray(word_map.positions.T, np.dtype("<f4"))
        parts = [positions, word_map.near.astype("u1"), word_map.rows.astype("<u4")]
        self._points = b"".join(part.tobytes() for part in parts)
        digest = hashlib.blake2b(self._points + model.identity().encode(), digest_size=6)
        self.version = int.from_bytes(digest.digest(), "big")  # below 2**53: exact in a browser

    @property
    def points(self) -> Payload:
        """x and y (n float32 each), how many neighbours are near (n uint8), rows (n uint32)."""
        return Payload(self._points, "application/octet-stream", FOREVER, f"points-{self.version}")

    @cached_property
    def words(self) -> Payload:
        """The words of the points, a JSON list in their order; compressed once for all who ask."""
        names = [self._model.index_to_key[row] for row in self.map.rows.tolist()]
        return json_payload(names, cache=FOREVER, etag=f"words-{self.version}").packed_once()

    def describe(self) -> dict[str, Any]:
        """Return what is known of the map, ready for JSON."""
        figures = self.map.summary()
        return {
            "method": self.map.method,
            "points": len(self.map),
            "version": self.version,
            "median_near": None if figures is None else float(np.median(self.map.near)),
            "definition": self.map.definition,
            "sentences": sentences(self.map),
        }


NO_MAP: dict[str, Any] = {"method": None, "points": 0, "version": None, "median_near": None, "sentences": []}


class MapJob:
    """The map of one model: where it stands, and the best one there is so far."""

    def __init__(self, model: Embeddings, path: Path) -> None:
        """Make the map of ``model``, which lies at ``path``; begins with :meth:`run`."""
        self._model, self._path = model, path
        self._state, self._message, self._progress = "computing", "waiting for its turn", 0.0
        self._told = {**NO_MAP, "definition": definition_of(near_words(len(model)))}
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self.drawn: DrawnMap | None = None

    def describe(self) -> dict[str, Any]:
        """Return where the map stands, ready for JSON."""
        return {
            "state": self._state,
            "message": self._message,
            "progress": round(min(1.0, self._progress), 4),
            "k": TRUE_NEIGHBORS,
            **self._told,
        }

    def run(self) -> None:
        """Make the map: PCA first, then the good layout where it can be computed. Never raises."""
        try:
            self._make()
        except FirthError as error:
            self._give_up(str(error))
        except Exception:
            logger.exception("the map of %s failed", self._path)
            self._give_up("the map could not be made: the terminal where firth runs says why")

    def stop(self) -> None:
        """End what is being computed."""
        with self._lock:
            self._stopped = True
            if self._child is not None and self._child.poll() is None:
                self._child.terminate()

    def _make(self) -> None:
        kept = self._kept()
        if kept is not None:
            self._finish(kept, "")
            return
        self._message = "principal components"
        self._draw(compute(self._model, PCA, trusted=False))
        method, remark = TSNE, ""
        try:
            library()
        except MissingExtraError as error:
            method, remark = PCA, str(error)
        found = self._laid_out(method)
        if found is not None:
            self._finish(found, remark)
            self._keep(found)

    def _draw(self, word_map: WordMap) -> None:
        drawn = DrawnMap(word_map, self._model)
        self._told, self.drawn = drawn.describe(), drawn

    def _finish(self, word_map: WordMap, remark: str) -> None:
        self._draw(word_map)
        self._state, self._message, self._progress = "ready", remark, 1.0

    def _give_up(self, message: str) -> None:
        """Say what is wrong; a map that is there already stays."""
        self._state, self._message = "failed" if self.drawn is None else "ready", message

    def _kept(self) -> WordMap | None:
        """Return the map that lies in the model's folder, if it is a good one."""
        try:
            found = read_map(self._path, self._model)
        except FormatError as error:
            note(f"the map is made anew: {error}")
            return None
        better = found is not None and found.method != PCA and found.measured
        return found if better else None

    def _keep(self, word_map: WordMap) -> None:
        """Keep a map in the model's folder; where that cannot be, it is made again the next time."""
        if not is_model_folder(self._path):
            return
        try:
            write_map(word_map, self._path, self._model)
        except (FormatError, OSError) as error:
            note(f"the map is not kept: {error}")

    def _laid_out(self, method: str) -> WordMap | None:
        """Return the map that a process of its own made; None if it was stopped."""
        with tempfile.TemporaryDirectory(prefix="firth-map-") as folder:
            source, target = self._path, Path(folder, "map.npz")
            if not is_model_folder(source):  # reading another format again may take as long as the map
                source = Path(folder, "model")
                save(self._model, source)
            child = self._start([str(source), method, str(target)])
            if child is None:
                return None
            problem = self._follow(child)
            if self._stopped:
                return None
            if child.returncode or problem:
                raise FormatError(problem or f"the process that makes the map ended with {child.returncode}")
            return layout_process.read(str(target))

    def _start(self, arguments: list[str]) -> subprocess.Popen[bytes] | None:
        command = [sys.executable, "-m", layout_process.__name__, *arguments]
        with self._lock:
            if self._stopped:
                return None
            # It has a standard input only to notice that this process is gone.
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                start_new_session=True,  # a Ctrl-C is for this process, which ends that one
            )
            return self._child

    def _follow(self, child: subprocess.Popen[bytes]) -> str:
        """Take note of what the process says until it ends; return what it says is wrong."""
        problem = ""
        with child:
            for line in child.stdout or ():
                said = json.loads(line)
                problem = said.get("error", "")
                if not problem:
                    self._progress, self._message = float(said["share"]), str(said["what"])
        return problem

"""Models on the Hugging Face Hub: a model folder with a card. The library does the transfer.

Every function takes a local folder in the place of a name on the Hub, too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from firth.embeddings import Embeddings
from firth.errors import FirthError, OutputExistsError
from firth.extras import optional
from firth.formats import load, native, sentence_transformers
from firth.formats.model_files import read_config, write_config
from firth.formats.native import CONFIG, GO_WITH_IT, TENSORS, TRAINING, VOCABULARY
from firth.formats.safetensors_file import cannot_write, replacing
from firth.formats.static_model import CARD, MODULES, TOKENIZER
from firth.handover.table import EXTRA
from firth.model_card import model_card

FILES = (
    *(TENSORS, VOCABULARY, CONFIG, TRAINING),
    *(name for name in GO_WITH_IT if not name.startswith("index.")),  # quickly made again
)
"""What a model of firth is made of on the Hub, beside its card. Nothing else is ever downloaded of one."""
STATIC_FILES = tuple(
    f"{place}{name}"
    for place in ("", "0_StaticEmbedding/")
    for name in (TENSORS, TOKENIZER, CONFIG, MODULES, sentence_transformers.CONFIG)
)
"""The same for a static model of sentence-transformers or model2vec."""


def push_to_hub(
    model: Embeddings | str | os.PathLike[str],
    repo_id: str | os.PathLike[str],
    *,
    private: bool | None = None,
    token: str | bool | None = None,
    commit_message: str | None = None,
    language: str | Iterable[str] | None = None,
) -> str:
    """Put a model on the Hub, with a model card, and return where it is: a web address, or a folder.

    The model is first written to a temporary folder. In its ``config.json``, the names of the corpus files
    lose their folders, which are nobody else's business.

    Args:
        model: the model, or where it lies, in any format.
        repo_id: ``user/name``, which is made if it is not there; or a local folder to make: a ``Path``, or
            a text that begins with ``/``, ``.`` or ``~``.
        private: whether a new repository is private; None: what the user's account says.
        token: of the Hub; None: the one that the user has logged in with.
        commit_message: of the upload.
        language: code or codes of the words' language, for the card: "en".

    Raises:
        FirthError: the Hub refuses the upload, or cannot be reached; the message says why.
        FormatError: there is no model, or it cannot be written.
        OutputExistsError: the local folder is there already.
        MissingExtraError: huggingface_hub is not installed.
    """
    folder = _local_folder(repo_id)
    if folder is not None:
        return str(_publish_locally(model, folder, language))
    hub = optional("huggingface_hub", "the Hugging Face Hub", EXTRA)
    name = str(repo_id)
    with tempfile.TemporaryDirectory(prefix="firth-") as temporary:
        staged = _staged(model, Path(temporary) / "model", name, language)
        try:
            api = hub.HfApi(token=token, library_name="firth", endpoint=_endpoint())
            repository = api.create_repo(name, private=private, exist_ok=True).repo_id
            done = api.upload_folder(
                repo_id=repository,
                folder_path=staged,
                commit_message=commit_message or "Upload a model of firth",
                allow_patterns=[*FILES, CARD],
            )
        except Exception as error:  # the library's errors, and those of its HTTP library
            raise _refused(name, "uploaded", error) from error
    return str(done.repo_url)


def from_pretrained(
    name_or_folder: str | os.PathLike[str],
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
) -> Embeddings:
    """Load a model from the Hub (its files stay in the library's cache), or from a local folder or file.

    Besides models of firth, static models of sentence-transformers and model2vec can be had. Only the files
    that such models are made of are downloaded: never a pickle, never code.

    Args:
        name_or_folder: ``user/name``, or a path; what exists as a path is taken as one.
        revision: a branch, tag or commit.
        cache_dir: where downloads are kept; None: the library's folder.
        token: of the Hub; None: the one that the user has logged in with.

    Raises:
        FirthError: the Hub has no such model, or cannot be reached.
        FormatError: it is no model that firth reads, or damaged.
        MissingExtraError: huggingface_hub is not installed.
    """
    folder = _local_folder(name_or_folder)
    if folder is None and Path(name_or_folder).exists():
        folder = Path(name_or_folder)
    if folder is not None:
        return load(folder)
    hub = optional("huggingface_hub", "the Hugging Face Hub", EXTRA)

    def fetch(files: Iterable[str]) -> Path:
        try:
            place = hub.snapshot_download(
                str(name_or_folder),
                revision=revision,
                cache_dir=cache_dir,
                token=token,
                allow_patterns=list(files),
                library_name="firth",
                endpoint=_endpoint(),
            )
        except Exception as error:  # the library's errors, and those of its HTTP library
            raise _refused(str(name_or_folder), "downloaded", error) from error
        return Path(place)

    small = fetch([CONFIG, MODULES])
    if native.is_model_folder(small):
        return load(fetch(FILES))
    sentence_transformers.static_folder(small)  # or say what it is, before its weights are downloaded
    return load(fetch(STATIC_FILES))


def _endpoint() -> str | None:
    """Return the hub that the environment names now (the library asks only once); None: the library's."""
    return os.environ.get("HF_ENDPOINT") or None


def _local_folder(name: str | os.PathLike[str]) -> Path | None:
    """Return the local folder that a name means, or None for a name on the Hub."""
    if isinstance(name, str) and not name.startswith((".", "~", os.sep)) and not Path(name).is_absolute():
        return None
    return Path(name).expanduser()


def _publish_locally(
    model: Embeddings | str | os.PathLike[str], folder: Path, language: str | Iterable[str] | None
) -> Path:
    """Write a model with its card to a folder that is not there yet."""
    if os.path.lexists(folder):
        raise OutputExistsError(f"{folder} exists: choose another name, or move it away")
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}.", dir=folder.absolute().parent
        ) as temporary:
            staged = _staged(model, Path(temporary) / folder.name, str(folder), language)
            staged.rename(folder)
    except OSError as error:
        if isinstance(error, FirthError):
            raise
        raise cannot_write(folder, error) from error
    return folder


def _staged(
    model: Embeddings | str | os.PathLike[str], folder: Path, name: str, language: str | Iterable[str] | None
) -> Path:
    """Make the folder that is to be published."""
    embeddings = model if isinstance(model, Embeddings) else load(model)
    if not isinstance(model, Embeddings) and native.is_model_folder(model):
        folder.mkdir()
        for part in FILES:
            if Path(model, part).is_file():  # copied as it is, since it may be quantised
                shutil.copyfile(Path(model, part), folder / part)
    else:
        native.write(embeddings, folder)
    config = read_config(folder / CONFIG)
    if isinstance(corpus := config.get("corpus"), dict):
        corpus["paths"] = [Path(path).name for path in corpus.get("paths", [])]
        if "tokenizer" in corpus:
            corpus["tokenizer"] = Path(corpus["tokenizer"]).name
    write_config(folder / CONFIG, config)
    with replacing(folder / CARD) as file:
        file.write(model_card(embeddings, name, language).encode("utf-8", "replace"))
    return folder


def _refused(name: str, what: str, error: Exception) -> FirthError:
    """Return the error for a transfer that failed, with the library's reason in one line."""
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return FirthError(f"{name}: could not be {what} ({reason}); check the name, your network and your token")

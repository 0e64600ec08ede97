"""The reader's folder: what the lesson puts there, and what the reader writes; none of that is lost."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from firth.errors import FirthError, FormatError, OutputExistsError
from firth.formats.safetensors_file import replacing

MODULE = Path("llm", "embeddings.py")
CHAPTER = Path("giving_meaning_to_words.py")
NOTEBOOK = Path("giving-meaning-to-words.ipynb")
ANSWERS = "exercises"

_ROOM = resources.files("firth.lesson")


@dataclass(frozen=True)
class Prepared:
    """What a folder got, and what it had already."""

    written: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    """Files that were there with another content, and were left alone."""


def module_source() -> str:
    """Return the small module, as the reader takes it home."""
    return (_ROOM / "embeddings.py").read_text(encoding="utf-8")


def chapter_source() -> str:
    """Return the chapter, a marimo notebook."""
    return (_ROOM / "chapter.py").read_text(encoding="utf-8")


def prepare(folder: Path, contents: dict[Path, str]) -> Prepared:
    """Write files into a folder, which is made if need be; a file that is there stays as it is.

    Raises:
        OutputExistsError: a file stands where a folder has to be.
        FormatError: a file cannot be written.
    """
    prepared = Prepared()
    for name, content in contents.items():
        path = folder / name
        _make_folder(path.parent)
        if path.is_symlink() or path.exists():
            if not _holds(path, content):
                prepared.kept.append(path)
            continue
        with replacing(path) as file:
            file.write(content.encode())
        prepared.written.append(path)
    return prepared


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OutputExistsError(
            f"{folder}: the lesson needs a folder here, but a file is in the way; name another folder"
        ) from None


def _holds(path: Path, content: str) -> bool:
    try:
        return path.read_bytes() == content.encode()
    except OSError:
        return False


class Answers:
    """The reader's code for each exercise, kept beside the chapter as ``exercises/NAME.py``.

    A file that has changed since it was last read here (the reader edits it elsewhere, or in a second
    window) is never written over. Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        """Keep answers in ``folder``, or nowhere."""
        self._folder = None if folder is None else folder / ANSWERS
        self._known: dict[str, str | None] = {}

    @classmethod
    def beside(cls, chapter_folder: Path | None) -> Answers:
        """Return the answers beside a chapter; a chapter in firth's own code keeps none."""
        own = chapter_folder is not None and (chapter_folder / MODULE).is_file()
        return cls(chapter_folder if own else None)

    def load(self, name: str) -> str | None:
        """Return what the reader wrote for exercise ``name``; None where nothing can be read."""
        self._known[name] = None
        with suppress(FirthError):
            self._known[name] = self._read(name)
        return self._known[name]

    def save(self, name: str, source: str) -> str:
        """Keep ``source``; return a sentence for the reader on where it is, or why it is not kept."""
        if self._folder is None:
            return ""
        path = self._folder / f"{name}.py"
        shown = f"`{ANSWERS}/{path.name}`"
        try:
            on_disk = self._read(name)
            if on_disk not in (source, None, self._known.get(name)):
                return (
                    f"Not saved: {shown} has been changed elsewhere, and is left alone. "
                    "Reload the page to go on with that version."
                )
            if on_disk != source:
                _make_folder(self._folder)
                with replacing(path) as file:
                    file.write(source.encode())
        except FirthError as error:
            return f"Not saved: {error}"
        self._known[name] = source
        return f"Saved in {shown}."

    def _read(self, name: str) -> str | None:
        if self._folder is None:
            return None
        path = self._folder / f"{name}.py"
        try:
            return path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"{path}: this is no text that can be read ({error}); move it away") from None

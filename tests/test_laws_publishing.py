"""Laws of publishing: versions only grow, and each is whole, whoever is killed when."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from unittest import mock

from keras_pairs import files
from keras_pairs.serving import (
    card,
    formats,
    keras_file,
    publishing,
    signatures,
    versions,
    warmup,
)
from tests.laws import hypothesis, law

st = hypothesis.strategies
WHOLE = {"saved_model.pb", "warmup", keras_file.NAME, card.JSON}
# More than a publisher has steps in which it may be killed.
STEPS = 14


class Killed(BaseException):
    """Ends a publisher that tidies nothing up."""


class Folder:
    """A folder of versions, one publisher after another, and a server that watches.

    Models are text; numbers, names, renames, locks and workspaces are publishing's own.

    Attributes:
      given: set of the numbers that were ever given out, as far as the folder can know.
      seen: {number: content} of what a server would have loaded.
    """

    def __init__(self, path):
        self.path, self.given, self.seen = path, set(), {}
        self.published, self.steps_left, self.dead = 0, None, False

    def publish(self, keep, dies_after):
        self.published += 1
        self.steps_left, self.dead = dies_after, False
        before, there = self.versions(), self.numbers()
        with self.fakes(), contextlib.suppress(Killed):
            number = int(publishing.publish(mock.Mock(), self.path, keep=keep).name)
            assert number > max(self.given | there, default=0)
            assert versions.newest(self.path).name == str(number)
        self.look()
        after = self.versions()
        new = after.keys() - before.keys()
        assert len(new) == 1 or (self.dead and not new)
        self.given |= new
        gone = before.keys() - after.keys()
        assert all(after[n] == before[n] for n in after.keys() & before.keys())
        # With `keep` the oldest go; a publisher that is killed may leave more.
        assert not gone or keep
        if keep and not self.dead:
            assert len(versions.numbers(self.path)) <= keep
        assert max(gone, default=-1) < min(after, default=0)

    @contextlib.contextmanager
    def fakes(self):
        real = {"rename": os.rename, "rmtree": shutil.rmtree, "text": files.write_text}
        text = f"model {self.published}"

        def save(model, draft):
            draft.mkdir()
            (draft / "saved_model.pb").write_text(text)

        def tidy(path, **options):
            if not self.dead:
                real["rmtree"](path, **options)

        steps = (
            (signatures, "save", save),
            (warmup, "write", lambda draft, *_: (draft / "warmup").touch()),
            (publishing, "verify", lambda *_: None),
            (formats, "write", lambda model, path, name: path.write_text(text)),
            (files, "write_text", real["text"]),
            (card, "write", lambda draft, about: (draft / card.JSON).touch()),
            (publishing, "_flush", lambda draft: None),
            (os, "rename", real["rename"]),
            (publishing, "_flush_folder", lambda folder: None),
        )
        with contextlib.ExitStack() as stack:
            for owner, name, work in steps:
                stack.enter_context(mock.patch.object(owner, name, self.step(work)))
            stack.enter_context(mock.patch.object(card, "make", lambda *_: {}))
            stack.enter_context(mock.patch.object(shutil, "rmtree", tidy))
            yield

    def step(self, work):
        """`work`, before which the publisher may be killed."""

        def step(*arguments):
            self.look()
            if self.steps_left == 0:
                self.dead = True
                raise Killed
            if self.steps_left is not None:
                self.steps_left -= 1
            return work(*arguments)

        return step

    def numbers(self):
        """All names in the folder that a server could take for a version's."""
        names = {path.name for path in self.path.iterdir()}
        return {int(name) for name in names if name.isascii() and name.isdigit()}

    def versions(self):
        """{number: content} of the versions that were published."""
        return {
            number: path.read_text()
            for number in versions.numbers(self.path)
            if (path := self.path / str(number) / "saved_model.pb").is_file()
        }

    def look(self):
        """As a server at any moment: what it sees is whole, and no number comes twice."""
        for number, content in self.versions().items():
            names = {path.name for path in (self.path / str(number)).iterdir()}
            assert names >= WHOLE
            assert self.seen.setdefault(number, content) == content

    def remove(self, which, _):
        """Somebody removes a version; its number stays given."""
        if found := versions.numbers(self.path):
            number = found[which % len(found)]
            shutil.rmtree(self.path / str(number))
            self.forget()

    def add(self, _, name):
        """Somebody puts a folder there."""
        with contextlib.suppress(OSError, ValueError):
            (self.path / name).mkdir()

    def damage(self, which, name):
        """The file with the last number is gone, or holds something else."""
        path = self.path / publishing.LAST
        path.unlink(missing_ok=True)
        if which % 2:
            path.write_bytes(name.encode("utf-16"))
        self.forget()

    def forget(self):
        """Without the file nobody can know of a number that is not there any more."""
        try:
            int((self.path / publishing.LAST).read_text())
        except (OSError, ValueError):
            there = self.numbers()
            self.given &= there
            self.seen = {n: content for n, content in self.seen.items() if n in there}


names = st.sampled_from(["7", "007", "12", "1e3", "٣", "²", ".9", "-3", "v2"]) | st.text(
    st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=12
).filter(lambda name: not name.startswith(files.TEMPORARY))
happenings = st.lists(
    st.tuples(
        st.sampled_from(["publish"] * 3 + ["remove", "add", "damage"]),
        st.integers(0, 9),
        names,
        st.sampled_from([None, None, 2, 3]),
        st.none() | st.integers(0, STEPS),
    ),
    max_size=9,
)


@law
@hypothesis.given(happenings=happenings)
def test_versions_only_grow_and_are_whole_whoever_dies_when(happenings):
    with tempfile.TemporaryDirectory() as parent:
        folder = Folder(pathlib.Path(parent) / "model")
        folder.path.mkdir()
        for what, which, name, keep, dies_after in happenings:
            if what == "publish":
                folder.publish(keep, dies_after)
            else:
                getattr(folder, what)(which, name)
            folder.look()
        # One to which nothing happens leaves nothing of the dead.
        folder.publish(None, None)
        assert not list(folder.path.glob(f"{publishing.WORKSPACE}*"))
        assert not list(folder.path.rglob(f"{files.TEMPORARY}*"))


@law
@hypothesis.given(content=st.binary(max_size=40) | st.from_regex(rb"\A\s*[0-9]{1,30}\s*\Z"))
def test_the_last_number_may_be_anything(content):
    with tempfile.TemporaryDirectory() as parent:
        folder = Folder(pathlib.Path(parent))
        (folder.path / publishing.LAST).write_bytes(content)
        folder.publish(None, None)
        (number,) = folder.given
        # What a server takes for a version.
        assert versions.numbers(folder.path) == [number] and number < 2**63

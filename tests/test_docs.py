"""README and docs/: length, links, commands, examples, and what each page names."""

import importlib
import pathlib
import re
import shlex

import absl.flags
import pytest

import keras_pairs
from docs import build
from keras_pairs.commands import flags

README = build.ROOT / "README.md"
PAGES = build.pages()
HIDDEN = {"CHANGELOG.md", "CONTRIBUTING.md"}
BESIDE = build.ROOT / "keras_pairs" / "networks" / "README.md"
EVERY = [*PAGES, BESIDE, *(build.ROOT / name for name in sorted(HIDDEN))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# In every command line, defined by the runner of all commands.
COMMON = {"help", "version", "flagfile"}


def name(page):
    return str(page.relative_to(build.ROOT))


def blocks(page, *languages):
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for language, text in found if language in languages]


def commands():
    """(page, module, arguments) of each command line of ours in a block of code."""
    found = []
    for page in EVERY:
        for block in blocks(page, "", "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                for match in re.finditer(
                    r"(?:python3? -m (keras_pairs|tuner|benchmarks)(?:\.| )"
                    r"|keras-pairs ())(\w+)(.*?)(?=$|[;|&])",
                    line,
                ):
                    package, module = match[1] or "keras_pairs", match[3]
                    arguments = shlex.split(match[4], comments=True)
                    found.append((name(page), f"{package}.{module}", arguments))
    return found


def test_readme_is_short():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 110


def test_readme_names_the_paper_first_and_no_commit():
    text = README.read_text(encoding="utf-8")
    head = " ".join(text.splitlines()[:10])
    assert "Project 1: Classification, Weight Sharing, Auxiliary Losses" in head
    assert "Félisaz" in head and "Jacqueroud" in head and "Rezaie" in head
    words = re.findall(r"\b[0-9a-f]{7,40}\b", text)
    assert not [w for w in words if re.search("[a-f]", w) and re.search("[0-9]", w)]
    # Pictures are missing where the README is shown without docs/: their words stand there.
    assert all(len(words) > 30 for words in re.findall(r"!\[(.*?)\]", text))
    assert text.count("![") <= 1


def test_readme_has_both_usages_and_the_test_command():
    text = README.read_text(encoding="utf-8")
    assert "python -m keras_pairs.train --nb_f=64" in text
    assert "python -m tuner.search" in text
    # As .ci/run takes it out.
    after = text.partition("<!-- test command -->\n")[2].splitlines()
    assert after[0] == "```sh" and after[2] == "```"
    assert after[1].startswith("python3 -m venv .venv && ") and "pytest -q" in after[1]


def slug(heading):
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.strip().replace(" ", "-")


@pytest.mark.parametrize("page", EVERY, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(BLOCK, "", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, fragment = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(build.ROOT), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", found.read_text("utf-8"), re.MULTILINE)
            assert fragment in map(slug, headings), target


def test_every_page_is_reached_from_the_readme():
    seen, todo = set(), [README]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+\.md)", page.read_text(encoding="utf-8")):
            todo.append((page.parent / target).resolve())
    assert set(PAGES) - seen == set()


def test_every_picture_and_result_is_on_a_page():
    found = 0
    for study in (build.ROOT / "docs" / "studies").iterdir():
        text = (study / "README.md").read_text(encoding="utf-8")
        files = [path for path in study.rglob("*") if path.is_file()]
        found += len(files)
        unnamed = [p for p in files if p.relative_to(study).as_posix() not in text]
        assert not [p for p in unnamed if p != study / "README.md"]
    assert found > 25


def test_pages_have_their_results_tables():
    assert build.main(["--check"]) == 0


def check_flags(module, arguments):
    """Parses a command line as its command would.

    Raises:
      absl.flags.Error: if it would refuse a flag.
    """
    values = flags.define(importlib.import_module(module).FLAGS)
    own = [a for a in arguments if a.lstrip("-").partition("=")[0] not in COMMON]
    values([module, *(argument.replace("$seed", "1") for argument in own)])


@pytest.fixture
def any_path(monkeypatch):
    """Files and folders that a page names need not exist."""
    for question in ("is_file", "is_dir", "exists"):
        monkeypatch.setattr(pathlib.Path, question, lambda self: True)


def test_every_command_line_is_legal(any_path):
    found = commands()
    assert len(found) > 20
    for page, module, arguments in found:
        try:
            check_flags(module, arguments)
        except absl.flags.Error as error:
            raise AssertionError(f"{page}: {module} {arguments}: {error}") from error


def test_an_illegal_command_line_is_found(any_path, monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\npython -m keras_pairs.train --no_such=1  # why\n```\n"
        "```\n$ python -m tuner search --nb_f=8,many | cat\n```\n"
    )
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "EVERY", [page])
    found = [(module, arguments) for _, module, arguments in commands()]
    assert found == [
        ("keras_pairs.train", ["--no_such=1"]),
        ("tuner.search", ["--nb_f=8,many"]),
    ]
    for module, arguments in found:
        with pytest.raises(absl.flags.Error, match=r"no_such|nb_f"):
            check_flags(module, arguments)


@pytest.mark.parametrize("page", EVERY, ids=name)
def test_python_examples_compile(page):
    for block in blocks(page, "python"):
        compile(block, name(page), "exec")


def test_published_results_name_no_folder():
    for path in (build.ROOT / "docs" / "studies").rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r'"(?:/|[A-Z]:\\\\)[^"]*"', text), name(path)


def test_the_reference_has_every_public_name():
    text = (build.ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\w+)$", text, re.MULTILINE)
    assert set(keras_pairs.__all__) < set(headings)
    assert "    validation: Pairs\n" in text and "    w_a: float = 1.0\n" in text
    assert '    """Trains one network, or one committee, per configuration' in text

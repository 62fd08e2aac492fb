"""README and docs/: length, links, commands, examples, tables made from result files."""

import dataclasses
import importlib
import json
import pathlib
import re
import shlex
import types

import absl.flags
import numpy as np
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
    assert set(PAGES) - seen - {build.ROOT / "docs" / "index.md"} == set()


def test_every_picture_and_result_is_on_a_page():
    text = {page.parent: page.read_text(encoding="utf-8") for page in PAGES}
    studies = build.ROOT / "docs" / "studies"
    files = [p for p in studies.glob("*/*") if p.name != "README.md"]
    assert len(files) > 5
    assert not [name(p) for p in files if p.name not in text[p.parent]]


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


def row(nb_f, w_a, accuracies, **more):
    """As `summary.summarize` makes it."""
    mean, std = sum(accuracies) / len(accuracies), 1.0
    return {
        **{"nb_f": nb_f, "lr": 0.005, "batch_size": 100, "w_a": w_a, "mean": mean},
        **{"std": std, "mean_of_all": mean, "std_of_all": std, "paper_mean": 80.0},
        **{"paper_std": 1.0, "difference": mean - 80, "welch_t": 0.0, "seconds": 7.0},
        **{"first_digit": 90.0, "second_digit": 91.0, "calibration_error": 5.0},
        **{"accuracies": accuracies, "accuracies_of_all": accuracies, **more},
    }


def page_of(folder, kind, file):
    page = folder / "README.md"
    page.write_text(f"before\n<!-- table: {kind} {file} -->\nold\n<!-- /table -->\nafter\n")
    return page


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("evaluation", "82.00 ± 1.00"),
        ("gain", "|    8 |                 82.0 ± 1.0 |  85.0 ± 1.0 |          +3.0 |"),
        ("auxiliary", "+3.00"),
        ("presets", "82.00 ± 1.00"),
    ],
)
def test_a_table_is_made_from_a_result_file(tmp_path, kind, expected):
    rows = [row(8, 0.0, [81.0, 83.0]), row(8, 1.0, [84.0, 86.0])]
    if kind == "presets":
        rows = [r | {"name": n} for n, r in zip(("paper", "best"), rows, strict=True)]
    (tmp_path / "results.json").write_text(json.dumps({"rows": rows}))
    text = build.built(page_of(tmp_path, kind, "results.json"))
    assert expected in text and "old" not in text
    assert text.startswith("before\n<!-- table:") and text.endswith(
        "<!-- /table -->\nafter\n"
    )


def test_the_tables_of_a_search_are_made_from_its_csv(tmp_path):
    lines = ["trial,nb_f,lr,batch_size,w_a,status,val_comparison_accuracy"]
    lines[0] += ",best_val_comparison_accuracy,seconds,reason"
    lines += ["0000,8,0.01,50,0,COMPLETED,0.8,0.82,10,"]
    lines += ["0001,8,0.01,50,0.7,COMPLETED,0.85,0.86,12,"]
    lines += ["0002,8,0.01,50,1,COMPLETED,0.75,0.86,14,"]
    lines += ["0003,8,0.01,50,2,FAILED,,,,ValueError: no"]
    (tmp_path / "results.csv").write_text("\n".join(lines) + "\n")
    text = build.built(page_of(tmp_path, "search", "results.csv"))
    assert re.search(r"8 \|\s+yes \|\s+0.01 \|\s+50 \|\s+0.7 \|\s+85.0 \|", text), text
    text = build.built(page_of(tmp_path, "search-summary", "results.csv"))
    assert re.search(r"yes \|\s+2 \|\s+75.0 \|\s+80.0 \|\s+85.0 \|\s+13.0 \|", text), text


def test_the_training_of_the_ink_network_is_shown(tmp_path):
    reached = {"window": {"loss": 0.0871, "iou_ink": 0.6694}}
    found = {"config": {"epochs": 90, "seed": 3}, "parameters": 50202, "minutes": 12.3}
    (tmp_path / "run.json").write_text(json.dumps(found | {"validation": reached}))
    text = build.built(page_of(tmp_path, "ink-training", "run.json"))
    for name, value in (("parameters", "50,202"), ("epochs", "90"), ("minutes", "12")):
        assert re.search(rf"{name} \|\s+{value} \|", text), text
    assert re.search(r"window: iou_ink \|\s+0.669 \|", text), text


def test_the_check_says_which_page_differs(tmp_path, monkeypatch, capsys):
    found = {"pairs": 5000, "accuracy": {"comparison": 0.99}, "calibration_error": 0.01}
    (tmp_path / "results.json").write_text(json.dumps(found))
    (tmp_path / "docs").mkdir()
    page = page_of(tmp_path, "score", "results.json")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    assert build.main(["--check"]) == 1
    assert "README.md differs" in capsys.readouterr().err
    assert "old" in page.read_text()
    assert build.main([]) == 0 and "99.00" in page.read_text()
    assert build.main(["--check"]) == 0
    assert build.main(["--chekc"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert build.main(["--help"]) == 0 and "--check" in capsys.readouterr().out


def test_a_page_that_cannot_be_written_stays_whole(tmp_path, monkeypatch):
    page = page_of(tmp_path, "score", "results.json")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "built", lambda page: "half a page")
    monkeypatch.setattr("os.replace", lambda old, new: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build.main([])
    assert "old" in page.read_text() and list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize(("kind", "file"), [("nothing", "x.json"), ("score", "none.json")])
def test_what_cannot_be_made_is_an_error(tmp_path, kind, file):
    with pytest.raises(ValueError, match=r"nothing|none\.json"):
        build.built(page_of(tmp_path, kind, file))


def test_the_score_of_a_model_names_no_folder(digits, tmp_path, monkeypatch):
    from keras_pairs import plots
    from keras_pairs.serving import comparer, inspection

    def compare(first, second):
        tens = np.full((len(first), 10), 0.1, "float32")
        outputs = {"comparison": tens[:, 0], "first_digit": tens, "second_digit": tens}
        return comparer.Comparison(outputs)

    path = tmp_path / "models" / "2"
    model = types.SimpleNamespace(path=path, name=str(path), card=None, compare=compare)
    model.reads_digits = True
    monkeypatch.setattr(comparer, "load", lambda path: model)
    for name in ("plot_pairs", "plot_reliability"):
        monkeypatch.setattr(plots, name, lambda *arguments: None)
    images = dataclasses.replace(digits, source=str(tmp_path / "mine.npz"))
    inspection.inspect(path, images, 0, tmp_path)
    text = (tmp_path / "results.json").read_text()
    assert str(tmp_path) not in text
    assert '"models/2"' in text and '"mine.npz"' in text
    assert "commit" in build.built(page_of(tmp_path, "origin", "results.json"))


def test_published_results_name_no_folder():
    for path in (build.ROOT / "docs" / "studies").glob("*/*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r'"(?:/|[A-Z]:\\\\)[^"]*"', text), name(path)


def test_the_reference_has_every_public_name():
    text = (build.ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\w+)$", text, re.MULTILINE)
    assert set(keras_pairs.__all__) < set(headings)
    assert "    validation: Pairs\n" in text and "    w_a: float\n" in text
    assert '    """Trains one network, or one committee, per configuration' in text

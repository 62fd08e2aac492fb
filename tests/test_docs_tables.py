"""The tables of the pages, which are made from result files."""

import dataclasses
import itertools
import json
import re
import types

import numpy as np
import pytest

from docs import build


def row(nb_f, w_a, accuracies, **more):
    """As `summary.summarize` makes it."""
    mean, std = sum(accuracies) / len(accuracies), 1.0
    return {
        **{"nb_f": nb_f, "lr": 0.005, "batch_size": 100, "w_a": w_a, "mean": mean},
        **{"std": std, "mean_of_all": mean, "std_of_all": std, "paper_mean": 80.0},
        **{"paper_std": 1.0, "difference": mean - 80, "welch_t": 0.0, "seconds": 7.0},
        **{"first_digit": 90.0, "second_digit": 91.0, "calibration_error": 5.0},
        **{"rounds": len(accuracies)},
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
        ("seeds", "|    8 |   1 |       84.0 |        86.0 |        2.0 |"),
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


def test_weight_sharing_and_the_steps_to_the_best_network_come_from_their_files(tmp_path):
    means = {
        (w_a, shares): 81 + 8 * w_a + 4 * shares for w_a in (0.0, 1.0) for shares in (0, 1)
    }
    rows = [
        row(nb_f, w_a, [mean - nb_f / 100] * 2, name=[nb_f, w_a, bool(shares)])
        for (w_a, shares), mean in means.items()
        for nb_f in (64, 16)
    ]
    (tmp_path / "sharing").mkdir()
    (tmp_path / "sharing" / "results.json").write_text(json.dumps({"rows": rows}))
    text = build.built(page_of(tmp_path / "sharing", "sharing-or-loss", "results.json"))
    assert re.search(r"16 \|\s+80.8 \|\s+88.8 \|\s+84.8 \|\s+92.8 \|\n\|\s+64 \|", text), (
        text
    )
    names = ("best", "distilled", "committee")
    rows = [row(24, 1.0, [97.0 + i] * 2, name=name) for i, name in enumerate(names)]
    (tmp_path / "accuracy").mkdir()
    (tmp_path / "accuracy" / "results.json").write_text(json.dumps({"rows": rows}))
    text = build.built(page_of(tmp_path, "ladder", "accuracy/results.json"))
    steps = re.findall(r"(\d+\.\d\d) ± 1.00", text)
    assert steps == ["88.36", "92.36", "92.84", "97.00", "99.00"], text


def test_table_1_beside_the_authors_logs(tmp_path):
    ours = [row(8, 0.0, [81.0, 83.0, 85.0]), row(8, 1.0, [84.0, 86.0, 88.0])]
    theirs = [{name: r[name] for name in ("nb_f", "lr", "batch_size", "w_a")} for r in ours]
    theirs[0]["last_epoch"], theirs[1]["last_epoch"] = (
        [80.0, 82.0, 84.0],
        [80.0, 86.0, 80.0],
    )
    for name, file, rows in (
        ("table1", "results.json", ours),
        ("departures", "authors.json", theirs),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(json.dumps({"rows": rows}))
    text = build.built(page_of(tmp_path / "table1", "last-epochs", "results.json"))
    # Welch's t by hand: 1 / sqrt(4 / 3 + 4 / 3), and 4 / sqrt(4 / 3 + 12 / 3).
    # p is that of Student's t with 4 and with 3.2 degrees of freedom.
    assert "83.00 ± 2.00 |     82.00 ± 2.00 |      +1.00 |      +0.6 | 0.573 |" in text
    assert "86.00 ± 2.00 |     82.00 ± 3.46 |      +4.00 |      +1.7 | 0.176 |" in text
    theirs[1]["lr"] = 0.5
    (tmp_path / "departures" / "authors.json").write_text(json.dumps({"rows": theirs}))
    with pytest.raises(ValueError, match="8 beside 8"):
        build.built(page_of(tmp_path / "table1", "last-epochs", "results.json"))


def test_a_search_beside_the_authors_grid(tmp_path):
    # Of the grid's 325 points twelve have completed, in an order of their own.
    points = list(itertools.product((0.01, 0.005), (100, 200), (0.0, 0.7, 1.0)))
    lines = ["nb_f,lr,batch_size,w_a,status,val_comparison_accuracy"]
    ours = [5, 1, 2, 6, 3, 4, 7, 9, 8, 4, 5, 6]
    lines += [
        f"8,{lr},{size},{w_a},COMPLETED,{x / 100}"
        for (lr, size, w_a), x in zip(points, ours, strict=True)
    ]
    lines.append("8,0.0001,10,3.0,FAILED,")
    (tmp_path / "grid" / "8").mkdir(parents=True)
    (tmp_path / "grid" / "8" / "results.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "departures").mkdir()
    # Alike without, and all but alike with auxiliary loss.
    theirs = [50, 10, 20, 60, 30, 40, 70, 80, 90, 40, 50, 60]
    theirs = dict(zip(points, theirs, strict=True))
    rates, sizes = (0.01, 0.005, 0.001, 0.0005, 0.0001), (10, 20, 50, 100, 200)
    weights = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 2.0, 3.0)
    grid = [theirs.get((lr, n, w), 0) for n in sizes for lr in rates for w in weights]
    (tmp_path / "departures" / "authors.json").write_text(
        json.dumps({"grids": {"8": grid}})
    )
    text = build.built(page_of(tmp_path / "grid", "grid-agreement", "8/results.csv"))
    assert re.search(r"no \|\s+4 \|\s+1.00 \|\s+2 \|", text), text
    assert re.search(r"yes \|\s+8 \|\s+0.98 \|\s+4 \|", text), text


def test_the_tables_of_a_search_are_made_from_its_csv(tmp_path):
    lines = ["trial,nb_f,lr,batch_size,w_a,status,val_comparison_accuracy"]
    lines[0] += ",best_val_comparison_accuracy,seconds,reason"
    lines += ["0000,8,0.01,50,0,COMPLETED,0.8,0.82,10,"]
    lines += ["0001,8,0.01,50,0.7,COMPLETED,0.85,0.86,12,"]
    lines += ["0002,8,0.01,50,1,COMPLETED,0.75,0.86,14,"]
    lines += ["0003,8,0.01,50,2,FAILED,,,,ValueError: no"]
    (tmp_path / "results.csv").write_text("\n".join(lines) + "\n")
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


def test_the_best_points_of_a_grid_stand_beside_the_papers(tmp_path):
    rows = [row(8, w_a, [80.0, 82.0, 84.0], rounds=3) for w_a in (0.0, 0.3)]
    (tmp_path / "best.json").write_text(json.dumps({"rows": rows}))
    text = build.built(page_of(tmp_path, "grid-best", "best.json"))
    cells = cells_of(text)[-1]
    # Table I divides by n.
    t = (82 - 80.81) / (1 / 3 + 3.38**2 / 9) ** 0.5
    ours = ["8", "0.005", "100", "0.3", "82.00 ± 1.00", "82.00 ± 1.00"]
    assert cells == [*ours, "0.005", "200", "0.7", "80.81 ± 3.38", f"{t:+.1f}"]


def test_what_matters_is_shown_width_by_width(tmp_path):
    for width, share in ((16, 0.2), (8, 0.3987)):
        (tmp_path / str(width)).mkdir()
        (tmp_path / str(width) / "importance.csv").write_text(f"axis,share\nlr,{share}\n")
    text = build.built(page_of(tmp_path, "importance-by-width", "."))
    assert re.search(
        r"8 filters \| 16 filters \|\n.*\n\| +lr \| +39.9 \| +20.0 \|", text
    ), text


def run_of(
    folder, name, rows, commit="c0ffee0123", machine="2 cores, AMD EPYC, AVX2", **more
):
    found = {"rows": rows, "commit": commit, "machine": f"Linux x86_64, {machine}", **more}
    (folder / name).write_text(json.dumps(found))


def cells_of(text):
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_peers_of_several_runs_stand_in_one_table(tmp_path):
    for name, factor, machine in (("a", 1, "2 cores"), ("b", 3, "2 cores, AMD EPYC, AVX2")):
        seconds = [(8, "ours", 0.02), (8, "torch", 0.03 * factor), (8, "jax", None)]
        rows = [{"nb_f": n, "peer": p, "seconds": s} for n, p, s in seconds]
        run_of(tmp_path, f"{name}.json", rows, commit=name * 9, machine=machine)
    run_of(tmp_path, "another.json", [{"what": "of another benchmark"}])
    assert cells_of(build.built(page_of(tmp_path, "runs-of-peers", "."))) == [
        ["8", "bbbbbbb", "AMD EPYC, AVX2", "20.0", "4.50", ""],
        ["8", "aaaaaaa", "not recorded", "20.0", "1.50", ""],
    ]


def search_rows(nb_f, theirs, ours):
    """Of a file of `benchmarks.search`: a width's trials per hour."""
    rates = {"GridSearch": theirs, "tuner.search": ours}.items()
    return [
        {"nb_f": nb_f, "search": n, "trials_per_hour": rate, "start_s": 0}
        for n, rate in rates
    ]


def test_searches_of_several_runs_stand_in_one_table(tmp_path):
    seconds = {"after the last": 0.03, "after every": 0.04, "before": 0.06}
    epochs = [{"nb_f": 8, "validated": n, "processor": s} for n, s in seconds.items()]
    run_of(tmp_path, "results.json", search_rows(8, 50, 600), epochs=epochs)
    run_of(tmp_path, "wide.json", search_rows(32, 20, 60), epochs=[])
    assert cells_of(build.built(page_of(tmp_path, "runs-of-searches", "."))) == [
        ["8", "c0ffee0", "AMD EPYC, AVX2", "0.50", "0.75", "50", "600", "12.0"],
        ["32", "c0ffee0", "AMD EPYC, AVX2", "", "", "20", "60", "3.0"],
    ]


def test_the_hours_of_the_grid_are_those_of_one_machine(tmp_path):
    run_of(tmp_path, "results.json", search_rows(8, 65, 650) + search_rows(16, 65, 9999))
    run_of(tmp_path, "again.json", search_rows(16, 65, 325))
    run_of(tmp_path, "wide.json", search_rows(32, 65, 130))
    page = page_of(tmp_path, "hours-of-the-grid", "results.json")
    assert cells_of(build.built(page)) == [
        ["8", "5.00", "0.50", "0.06", "0.05"],
        ["16", "5.00", "1.00", "0.12", "0.10"],
        ["32", "5.00", "2.50", "0.31", "0.25"],
    ]
    run_of(tmp_path, "wide.json", search_rows(32, 65, 130), commit="another")
    with pytest.raises(ValueError, match="wide.json: another beside c0ffee"):
        build.built(page)


def test_what_halving_chose_in_several_runs_stands_in_one_table(tmp_path):
    point = {"lr": 0.005, "w_a": 0.3, "rank": 2, "score": 83.5, "best": 83.92}
    point |= {"points": 4, "epochs": 32, "halved_epochs": 9, "time": 0.42}
    rows = [{"seed": s, **point} for s in (0, 1)]
    run_of(tmp_path, "results.json", rows)
    assert cells_of(build.built(page_of(tmp_path, "runs-of-halving", "."))) == [
        [s, "c0ffee0", "AMD EPYC, AVX2", "42", "0.005", "0.3", "2", "83.50", "83.92"]
        for s in ("0", "1")
    ]

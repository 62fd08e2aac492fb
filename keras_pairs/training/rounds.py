"""Configurations scored over several rounds (section II.B): fresh pairs, fresh weights."""

import math
import time

import numpy as np

from keras_pairs import data, files, locks, machine, plots, scoring, startup, tables
from keras_pairs.data.pairs import SCORED_PAIRS
from keras_pairs.outputs import OUTPUTS
from keras_pairs.training import identity, isolated
from keras_pairs.training.costs import members_that_fit
from keras_pairs.training.summary import summarize

EVALUATION = "evaluation"


def plan(configs, rounds, memory_limit, done=()):
    """Divides the rounds of every configuration into groups that train in one graph.

    Taking whole groups of a plan as `done` leaves its other groups as they were.

    Args:
      configs: list of `TrainingConfig`; round r of each has the seed `seed + r`.
      rounds: int >= 1.
      memory_limit: float, bytes.
      done: (index of the configuration, round) of those that need no training.

    Returns:
      list of (index of the configuration, list of that group's `TrainingConfig`s).
    """
    groups = []
    for index, config in enumerate(configs):
        missing = [r for r in range(rounds) if (index, r) not in done]
        fit = members_that_fit(config, memory_limit)
        for piece in np.array_split(missing, math.ceil(len(missing) / fit) or 1):
            members = [config.round(int(r)) for r in piece]
            if members:
                groups.append((index, members))
    return groups


def evaluate(
    configs,
    images,
    run_dir,
    rounds,
    memory_limit,
    verbose=True,
    scored_on="test",
    chosen_on=None,
):
    """Trains and scores every configuration `rounds` times; goes on where it was stopped.

    Round r of every configuration uses the same pairs (seed + r): configurations are
    compared on the same data. Each finished group is a file in `run_dir/groups`; the rounds
    in it are not trained again, whatever memory or `rounds` the evaluation goes on with.

    With the same memory a stopped evaluation ends with the same results as another one.
    With other memory the members of its graphs are more or fewer, the sums in them are in
    another order, and results may differ by what float32 rounding grows to in a training.

    Args:
      configs: list of `TrainingConfig`.
      images: `data.Images`.
      run_dir: Path of an existing folder, new or of the same evaluation.
      rounds: int >= 2.
      memory_limit: float, bytes that a group's tensors may take.
      verbose: whether to show a progress bar.
      scored_on: "test", or "validation" where something is chosen by the result.
      chosen_on: "validation" where the same trainings serve both; then each row has, as
        `chosen_on`, the row of the validation pairs.

    Returns:
      list of dicts, one per configuration; see `summary.summarize`.

    Raises:
      UserError: if there are too few images, or `run_dir` holds another evaluation, or one
        that is running.
      OSError: if a file cannot be written.
    """
    data.check_enough(images, max(config.num_pairs for config in configs))
    wanted = _wanted(configs, images, scored_on, chosen_on)
    # A refused folder is left as it is, without a lock in it.
    identity.found(run_dir, wanted, EVALUATION)
    with locks.only_one(run_dir, EVALUATION):
        _keep(run_dir, wanted, configs[0], images, rounds)
        parts = (scored_on, chosen_on) if chosen_on else (scored_on,)
        return _evaluate(configs, images, run_dir, rounds, memory_limit, verbose, parts)


def _evaluate(configs, images, run_dir, rounds, memory_limit, verbose, parts):
    folder = run_dir / "groups"
    folder.mkdir(exist_ok=True)
    groups = plan(configs, rounds, memory_limit, _finished(folder))
    if groups:
        from keras_pairs.training.progress import EpochProgress

        # The groups' processes inherit it; TensorFlow may be imported in this one.
        machine.prefer_onednn()
        # An epoch's cost is about proportional to the filters that it trains.
        work = [members[0].nb_f * len(members) for _, members in groups]
        epochs = [members[0].all_epochs() for _, members in groups]
        total = sum(w * e for w, e in zip(work, epochs, strict=True))
        progress = EpochProgress(total, verbose)
        for (index, members), filters in zip(groups, work, strict=True):
            progress.start(filters)
            result = isolated.run(
                _train_group,
                *(members, images, parts),
                on_message=lambda logs: progress.on_epoch_end(None, logs),
            )
            numbers = [member.seed - configs[index].seed for member in members]
            record = {"config": index, "numbers": numbers} | result | files.provenance()
            files.write_json(folder / f"{index:03}-{numbers[0]:03}.json", record)
    done, rows = _finished(folder), []
    for index, config in enumerate(configs):
        results = [done[index, r] for r in range(rounds)]
        rows.append(summarize(config, results, images.name))
        if len(parts) > 1:
            chosen = [
                result | {"rounds": [score["chosen_on"] for score in result["rounds"]]}
                for result in results
            ]
            rows[-1]["chosen_on"] = summarize(config, chosen, images.name)
    return rows


def report(rows, run_dir):
    """Writes results.json, .csv, .md and the pictures into the folder of an evaluation.

    Args:
      rows: list of dicts of `summary.summarize`.
      run_dir: Path, where `evaluate` was.

    Raises:
      OSError: if a file cannot be written.
    """
    origin = files.read_origin(run_dir / files.RECORD)
    files.write_json(run_dir / "results.json", {"rows": rows, **origin})
    flat = [
        {name: value for name, value in row.items() if name != "reliability"}
        | {
            name: " ".join(f"{x:.2f}" for x in row[name])
            for name in ("accuracies", "accuracies_of_all")
        }
        for row in rows
    ]
    files.write_csv(run_dir / "results.csv", flat)
    files.write_text(run_dir / "results.md", tables.evaluation(rows))
    rows = [row | {"label": _label(row)} for row in rows]
    title = f"{rows[0]['rounds']} rounds on fresh pairs of {origin['dataset']['name']}"
    plots.plot_table(rows, title, run_dir / "results.png")
    plots.plot_reliability(rows, title, run_dir / "calibration.png")


def _label(row):
    settings = f"lr={row['lr']:g}, b={row['batch_size']}"
    return f"nb_f={row['nb_f']}\nw_a={row['w_a']:g}\n{settings}"


def _train_group(send, members, images, parts):
    """Trains a group and scores it on each of `parts`; sends each epoch's logs."""
    startup.import_tensorflow()
    from keras_pairs.training.fit import fit
    from keras_pairs.training.progress import EpochSender

    begun = time.perf_counter()
    drawn = [
        [data.sample_pairs(images, c.num_pairs, c.seed, part) for c in members]
        for part in parts
    ]
    # Whatever is scored, the training pairs are the same.
    trained = fit(members, drawn[0], validate=False, callbacks=[EpochSender(send)])
    scores = []
    for part, splits in zip(parts, drawn, strict=True):
        pairs = [getattr(s, part) for s in splits]
        answered = zip(trained.answers(pairs), pairs, strict=True)
        scores.append([_score(*round_, members[0].num_pairs) for round_ in answered])
    rounds, *chosen = scores
    for on_others in chosen:
        for round_, score in zip(rounds, on_others, strict=True):
            round_["chosen_on"] = score
    return {"rounds": rounds, "seconds": time.perf_counter() - begun}


def _score(answers, pairs, num_pairs):
    """A round's results, as JSON."""
    main = OUTPUTS[0].name
    return {
        "accuracy": scoring.accuracies(answers, pairs, num_pairs),
        "accuracy_of_all": scoring.accuracies(answers, pairs)[main],
        "reliability": scoring.reliability(answers[main], pairs.target),
    }


def _whole(result):
    """A result as `_score` makes it. Raises TypeError, KeyError or ValueError if not."""
    accuracy, curve = result["accuracy"], result["reliability"]
    numbers = [result["accuracy_of_all"], *(accuracy[output.name] for output in OUTPUTS)]
    for name in ("count", "predicted", "observed"):
        numbers += curve[name]
    if not np.isfinite(np.array(numbers, "float64")).all():
        raise ValueError(f"A result must have finite numbers. Received: {numbers}")
    return result


def _finished(folder):
    """The rounds in a folder of groups: {(index of the configuration, round): dict}."""
    found = {}
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            group = files.read_json(path)
            seconds = group["seconds"] / len(group["rounds"])
            rounds = zip(group["numbers"], group["rounds"], strict=True)
            found |= {
                (group["config"], number): {"rounds": [_whole(result)], "seconds": seconds}
                for number, result in rounds
            }
        except files.UNREADABLE:
            # A damaged file; its rounds are trained again.
            continue
    return found


def _wanted(configs, images, scored_on, chosen_on):
    """What makes an evaluation the same one, for config.json."""
    wanted = {
        "configs": [config.to_dict() for config in configs],
        "scored_on": {"part": scored_on, "pairs_wanted": SCORED_PAIRS},
        "dataset": images.describe(),
    }
    if chosen_on:
        wanted["scored_on"]["chosen_on"] = chosen_on
    return wanted


def _keep(run_dir, wanted, config, images, rounds):
    """Writes config.json, or refuses a folder whose config.json asks for other things.

    Other `rounds` are the same evaluation: the file says how many were last asked for.
    """
    record = identity.found(run_dir, wanted, EVALUATION)
    if record is None:
        source = data.again(config.dataset, config.data_path, images)
        record = wanted | {"source": source} | files.provenance()
    if record.get("rounds") != rounds:
        files.write_json(run_dir / files.RECORD, record | {"rounds": rounds})

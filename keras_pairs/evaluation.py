"""Configurations scored over several rounds (section II.B): fresh pairs, fresh weights."""

import dataclasses
import math
import multiprocessing
import pathlib
import signal
import time

import numpy as np

from keras_pairs import data, files, machine, scoring
from keras_pairs.config import OUTPUTS, SCORED_PAIRS, TABLE1, UserError

# Activations of a trunk for each of nb_f: the sum of its maps' areas, a map counted as
# often as its block has nb_f filters.
ACTIVATIONS = {"paper": 364, "padded": 660}
# Bytes that a member holds per activation of a batch, measured as peak memory over the
# members of a graph: forward results, gradients and the kernels' working copies.
BYTES_PER_ACTIVATION = 40
SCORING_SHARE = 0.4


def members_that_fit(config, memory_limit):
    """How many networks may share a graph.

    Args:
      config: `TrainingConfig`.
      memory_limit: float, bytes for the graph's tensors.

    Returns:
      int >= 1.
    """
    from keras_pairs.training import EVALUATION_BATCH

    activations = config.nb_f * ACTIVATIONS[config.trunk]
    if config.weight_sharing:
        activations *= 2
    batch = max(config.batch_size, SCORING_SHARE * EVALUATION_BATCH)
    return max(1, int(memory_limit / (BYTES_PER_ACTIVATION * activations * batch)))


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
            seeds = [config.seed + int(r) for r in piece]
            members = [dataclasses.replace(config, seed=seed) for seed in seeds]
            if members:
                groups.append((index, members))
    return groups


def evaluate(
    configs, images, run_dir, rounds, memory_limit, verbose=True, scored_on="test"
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

    Returns:
      list of dicts, one per configuration; see `summarize`.

    Raises:
      UserError: if there are too few images, or `run_dir` holds another evaluation.
      OSError: if a file cannot be written.
    """
    data.check_enough(images, configs[0].num_pairs)
    _same_evaluation(run_dir, configs, images, scored_on)
    folder = run_dir / "groups"
    folder.mkdir(exist_ok=True)
    groups = plan(configs, rounds, memory_limit, _finished(folder))
    if groups:
        from keras_pairs.progress import EpochProgress

        # The groups' processes inherit it; TensorFlow may be imported in this one.
        machine.prefer_onednn()
        # An epoch's cost is about proportional to the filters that it trains.
        work = [members[0].nb_f * len(members) for _, members in groups]
        epochs = [members[0].epochs for _, members in groups]
        total = sum(w * e for w, e in zip(work, epochs, strict=True))
        progress = EpochProgress(total, verbose)
        for (index, members), filters in zip(groups, work, strict=True):
            progress.start(filters)
            result = _in_own_process(members, images, scored_on, progress)
            numbers = [member.seed - configs[index].seed for member in members]
            record = {"config": index, "numbers": numbers} | result | files.provenance()
            files.write_json(folder / f"{index:03}-{numbers[0]:03}.json", record)
    done = _finished(folder)
    return [
        summarize(config, [done[index, r] for r in range(rounds)])
        for index, config in enumerate(configs)
    ]


def _in_own_process(members, images, scored_on, progress):
    """What `_train_group` sends, from a process that gives all its memory back.

    Keras 3.15 never frees the graph of a `fit`, 40 MB of it: without this memory would
    grow with every group.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(
        target=_train_group, args=(members, images, scored_on, there), daemon=True
    )
    process.start()
    there.close()
    try:
        while True:
            kind, value = here.recv()
            if kind == "result":
                return value
            if kind == "error":
                raise UserError(value)
            progress.on_epoch_end(None, value)
    except EOFError:
        process.join()
        raise UserError(f"the training ended with code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()


def _train_group(members, images, scored_on, pipe):
    """Trains and scores a group; sends ("epoch", logs) …, then ("result", dict)."""
    # Ctrl-C is for the parent, with which this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        from keras_pairs.cli import import_tensorflow

        import_tensorflow()
        from keras_pairs import training
        from keras_pairs.progress import EpochSender

        begun = time.perf_counter()
        splits = [
            data.sample_pairs(images, c.num_pairs, c.seed, scored_on) for c in members
        ]
        sender = EpochSender(lambda logs: pipe.send(("epoch", logs)))
        trained = training.fit(members, splits, validate=False, callbacks=[sender])
        pairs = [getattr(s, scored_on) for s in splits]
        result = {
            "rounds": [
                _score(*round_, members[0].num_pairs)
                for round_ in zip(training.answer(trained.model, pairs), pairs, strict=True)
            ],
            "seconds": time.perf_counter() - begun,
        }
        pipe.send(("result", result))
    except BrokenPipeError:
        pass
    except Exception as error:
        pipe.send(("error", f"{type(error).__name__}: {error}"))


def _score(answers, pairs, num_pairs):
    """A round's results, as JSON."""
    return {
        "accuracy": scoring.accuracies(answers, pairs, num_pairs),
        "accuracy_of_all": scoring.accuracies(answers, pairs)["comparison"],
        "reliability": scoring.reliability(answers["comparison"], pairs.target),
    }


def _finished(folder):
    """The rounds in a folder of groups: {(index of the configuration, round): dict}."""
    found = {}
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            group = files.read_json(path)
            seconds = group["seconds"] / len(group["rounds"])
            rounds = zip(group["numbers"], group["rounds"], strict=True)
            found |= {
                (group["config"], number): {"rounds": [result], "seconds": seconds}
                for number, result in rounds
            }
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
            # A damaged file; its rounds are trained again.
            continue
    return found


def _same_evaluation(run_dir, configs, images, scored_on):
    """Writes config.json, or refuses a folder whose config.json asks for other things."""
    dataset = images.describe()
    wanted = {
        "configs": [config.to_dict() for config in configs],
        "scored_on": {"part": scored_on, "pairs_wanted": SCORED_PAIRS},
        "dataset": dataset,
    }
    path = pathlib.Path(run_dir) / "config.json"
    if path.exists():
        try:
            found = files.read_json(path)
        except ValueError as error:
            raise UserError(f"{path} is not readable; use a new --run_dir") from error
        if "group_sizes" in found:
            raise UserError(
                f"{run_dir} holds an evaluation of an older keras_pairs, which this one "
                "cannot continue; use a new --run_dir"
            )
        if _identity(found) != _identity(wanted):
            raise UserError(
                f"{run_dir} holds another evaluation; use a new --run_dir or its own flags"
            )
    else:
        files.write_json(path, wanted | files.provenance())


def _identity(record):
    # The same data may lie elsewhere today.
    configs = [c | {"data_path": None, "dataset": None} for c in record.get("configs", [])]
    return configs, record.get("scored_on"), record.get("dataset", {}).get("sha256")


def summarize(config, results):
    """A configuration's rounds as one row.

    Args:
      config: `TrainingConfig`.
      results: list of dicts in the order of the rounds: `rounds`, a list of scores, and
        the `seconds` that these took.

    Returns:
      dict: nb_f, lr, batch_size, w_a, rounds, mean and std (sample, in percent) of the
      comparison's accuracy, paper_mean, paper_std, difference, welch_t (None where Table I
      has no such row or the network is not the paper's), first_digit and second_digit (mean
      percent), seconds, accuracies: the percents of the comparison, round by round;
      pairs_of_all: how many pairs were scored, and mean_of_all, std_of_all and
      accuracies_of_all: the same on all of them; calibration_error (mean of the rounds,
      percent) and reliability (their sum), both on those too.
    """
    found = [r for result in results for r in result["rounds"]]
    percents = {
        name: 100 * np.array([r["accuracy"][name] for r in found]) for name in OUTPUTS
    }
    of_all = 100 * np.array([r["accuracy_of_all"] for r in found])
    curve = {
        name: np.sum([r["reliability"][name] for r in found], 0).tolist()
        for name in found[0]["reliability"]
    }
    ours = percents["comparison"]
    mean, std = float(ours.mean()), float(ours.std(ddof=1))
    keys = ("nb_f", "lr", "batch_size", "w_a")
    values = {key: getattr(config, key) for key in keys}
    paper = next(
        (row for row in TABLE1 if all(getattr(row, k) == values[k] for k in keys)), None
    )
    if config.beyond_paper():
        paper = None
    difference = mean - paper.mean if paper else None
    return {
        **values,
        "rounds": len(ours),
        "mean": mean,
        "std": std,
        "paper_mean": paper.mean if paper else None,
        "paper_std": paper.std if paper else None,
        "difference": difference,
        "welch_t": welch_t(mean, std, len(ours), paper.mean, paper.std) if paper else None,
        "first_digit": float(percents["first_digit"].mean()),
        "second_digit": float(percents["second_digit"].mean()),
        "seconds": sum(r["seconds"] for r in results),
        "pairs_of_all": int(sum(found[0]["reliability"]["count"])),
        "mean_of_all": float(of_all.mean()),
        "std_of_all": float(of_all.std(ddof=1)),
        "calibration_error": float(
            np.mean([100 * scoring.calibration_error(r["reliability"]) for r in found])
        ),
        "accuracies": ours.tolist(),
        "accuracies_of_all": of_all.tolist(),
        "reliability": curve,
    }


def welch_t(mean_a, std_a, rounds_a, mean_b, std_b, rounds_b=10):
    """Welch's t of two means with sample standard deviations."""
    error = math.sqrt(std_a**2 / rounds_a + std_b**2 / rounds_b)
    return (mean_a - mean_b) / error if error else math.copysign(math.inf, mean_a - mean_b)

"""Searches for a training's settings; by default the grid of section II.C.

    python -m tuner.search --nb_f=8,16 --run_dir=runs/grid
    python -m tuner.search --preset=best --lr=0.01,0.005 --label_smoothing=0,0.05

Every field of a training but dataset and data_path takes several values, with commas
between. A point is one combination of values. Points that differ only in lr, w_m, w_a and
seed train together, as a population; a trial is the training of one point. A search that
was killed, or that stopped for a full disk, goes on with --run_dir alone: its folder holds
what is searched, but not --max_trials, --budget and --workers. Over several machines: start
the same command on each, with keras-tuner's KERASTUNER_TUNER_ID (chief, worker0, …),
KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set and --run_dir on a folder that they
share.
"""

from keras_pairs.commands import runner
from tuner import parts, plan, processes, project
from tuner.flags import FLAGS


def main(values):
    parts.check(values)
    processes.end_with_parent()
    found, chosen = parts.choose(values)
    workers, max_trials = values["workers"].value, values["max_trials"].value
    extends = project.grid(found) if values["extend"].value else None
    halving = chosen["halving"]
    done = parts.done(values, found)
    left_s = parts.budget_left(values)
    todo = plan.describe(
        chosen["grid"], max_trials, workers, extends, halving, done, left_s
    )
    if values["dry_run"].value:
        runner.say(todo)
        return
    record, images = parts.record_of(values, found, chosen)
    parts.run(values, record, images, todo)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()

"""Requests that wait together are answered as one batch.

A worker that is free takes the request that has waited longest, and with it the others for
the same signature of the same version that fit. Nothing waits for company: a lone request
is answered at once.
"""

import collections
import concurrent.futures
import dataclasses
import threading

import numpy as np

from keras_pairs.data.pixels import are_scaled
from keras_pairs.server import limits
from keras_pairs.server.refusals import Refusal


@dataclasses.dataclass(frozen=True)
class _Task:
    version: object
    request: object
    future: concurrent.futures.Future
    alone: bool


class Batcher:
    """A bounded queue of requests, and the threads that answer them.

    `with` starts the threads; at its end they answer what waits, and stop.
    """

    def __init__(
        self,
        workers=limits.WORKERS,
        batch_rows=limits.BATCH_ROWS,
        queue_rows=limits.QUEUE_ROWS,
    ):
        """Makes it.

        Args:
          workers: int, batches that run side by side.
          batch_rows: int, up to which requests are joined; a larger request goes alone.
          queue_rows: int, rows that may wait. Both count a request's `cost`.
        """
        self._batch_rows, self._queue_rows = batch_rows, queue_rows
        self._tasks = collections.deque()
        self._rows = 0
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"answers-{i}", daemon=True)
            for i in range(workers)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def submit(self, version, request):
        """Queues a request.

        Args:
          version: `Loaded`, which answers it.
          request: `rest.Request`.

        Returns:
          `concurrent.futures.Future` of the outputs: dict, name → array, or `Refusal`. Who
          cancels it before its turn is left out.

        Raises:
          Refusal: 503, if too many rows wait, or after the `with` block.
        """
        future = concurrent.futures.Future()
        task = _Task(version, request, future, _is_alone(request))
        with self._changed:
            # However large, a request may wait where nothing else does.
            full = self._rows and self._rows + request.cost > self._queue_rows
            if full or self._closed:
                raise Refusal(503, "too many requests are waiting; try again later")
            self._rows += request.cost
            self._tasks.append(task)
            self._changed.notify()
        return future

    def _work(self):
        while batch := self._next():
            batch = [t for t in batch if t.future.set_running_or_notify_cancel()]
            if batch:
                _answer(batch)

    def _next(self):
        """The tasks of the next batch; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._closed)
            if not self._tasks:
                return None
            first = self._tasks.popleft()
            batch, rows = [first], first.request.cost
            if not first.alone:
                key = (first.version, first.request.signature.name)
                others, self._tasks = self._tasks, collections.deque()
                for task in others:
                    fits = rows + task.request.cost <= self._batch_rows
                    same = key == (task.version, task.request.signature.name)
                    if fits and same and not task.alone:
                        batch.append(task)
                        rows += task.request.cost
                    else:
                        self._tasks.append(task)
            self._rows -= rows
            return batch


def _is_alone(request):
    """Whether a request is not to be joined to others.

    The graphs judge by the largest pixel of a whole batch whether pixels were scaled to
    0…1, and refuse a batch of no rows; neighbours would hide both.
    """
    if not request.signature.batched or not request.rows:
        return True
    return any(
        array.dtype.kind in "uif" and array.size and are_scaled(array.max())
        for array in request.inputs.values()
    )


def _answer(tasks):
    """Runs tasks as one batch; halves a batch that fails."""
    try:
        outputs = tasks[0].version.run(tasks[0].request.signature.name, _joined(tasks))
        parts = _parts(outputs, tasks)
    except Exception as error:
        half = len(tasks) // 2
        if half:
            _answer(tasks[:half])
            _answer(tasks[half:])
        else:
            tasks[0].future.set_exception(error)
    else:
        for task, part in zip(tasks, parts, strict=True):
            task.future.set_result(part)


def _joined(tasks):
    if len(tasks) == 1:
        return tasks[0].request.inputs
    return {
        name: np.concatenate([task.request.inputs[name] for task in tasks])
        for name in tasks[0].request.inputs
    }


def _parts(outputs, tasks):
    """The outputs of each task."""
    if len(tasks) == 1:
        return [outputs]
    ends = np.cumsum([task.request.rows for task in tasks])
    if any(len(array) != ends[-1] for array in outputs.values()):
        raise ValueError("an output has another number of rows than the inputs")
    return [
        {name: array[end - task.request.rows : end] for name, array in outputs.items()}
        for task, end in zip(tasks, ends, strict=True)
    ]

"""Runs a SavedModel through TensorFlow's C library, as a server does, without Python's.

Reads a pickled (library, model, session configuration, jobs) from stdin and writes the
pickled results to stdout. A job is (name of the fed tensor, array, names of the fetched
tensors); its result is a list of arrays or (error code, message).
"""

import ctypes
import pickle
import sys

import numpy as np

DTYPES = {"float32": 1, "float64": 2, "uint8": 4, "object": 7}
TSTRING = 24

# What runs inside loads tensorflow's own symbols, and pointers do not fit ctypes' int.
FUNCTIONS = (
    "NewStatus NewGraph NewSessionOptions NewBuffer LoadSessionFromSavedModel "
    "GraphOperationByName AllocateTensor TensorData Message"
)


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Library:
    def __init__(self, path, model, config):
        self.tf = ctypes.CDLL(path)
        for name in FUNCTIONS.split():
            getattr(self.tf, f"TF_{name}").restype = ctypes.c_void_p
        self.tf.TF_Message.restype = ctypes.c_char_p
        self.tf.TF_Dim.restype = ctypes.c_int64
        self.status = ctypes.c_void_p(self.tf.TF_NewStatus())
        self.graph = ctypes.c_void_p(self.tf.TF_NewGraph())
        options = ctypes.c_void_p(self.tf.TF_NewSessionOptions())
        self.tf.TF_SetConfig(options, config, ctypes.c_size_t(len(config)), self.status)
        assert not self.error()
        tags = (ctypes.c_char_p * 1)(b"serve")
        self.session = ctypes.c_void_p(
            self.tf.TF_LoadSessionFromSavedModel(
                *(options, None, model.encode(), tags, 1, self.graph, None, self.status)
            )
        )
        assert not self.error(), self.error()

    def error(self):
        code = self.tf.TF_GetCode(self.status)
        return (code, self.tf.TF_Message(self.status).decode()) if code else None

    def tensor(self, array):
        strings = array.dtype == object
        size = array.size * TSTRING if strings else array.nbytes
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        tensor = ctypes.c_void_p(
            self.tf.TF_AllocateTensor(
                DTYPES[str(array.dtype)], dims, array.ndim, ctypes.c_size_t(size)
            )
        )
        start = self.tf.TF_TensorData(tensor)
        if not strings:
            ctypes.memmove(start, np.ascontiguousarray(array).ctypes.data, size)
        for i, text in enumerate(array.ravel() if strings else ()):
            place = ctypes.c_void_p(start + i * TSTRING)
            self.tf.TF_StringInit(place)
            self.tf.TF_StringCopy(place, text, ctypes.c_size_t(len(text)))
        return tensor

    def output(self, name):
        operation, _, index = name.partition(":")
        found = self.tf.TF_GraphOperationByName(self.graph, operation.encode())
        assert found, name
        return Output(found, int(index))

    def run(self, fed, array, fetched):
        inputs = (Output * 1)(self.output(fed))
        values = (ctypes.c_void_p * 1)(self.tensor(array))
        outputs = (Output * len(fetched))(*map(self.output, fetched))
        results = (ctypes.c_void_p * len(fetched))()
        self.tf.TF_SessionRun(
            *(self.session, None, inputs, values, 1, outputs, results, len(fetched)),
            *(None, 0, None, self.status),
        )
        return self.error() or [self.array(ctypes.c_void_p(x)) for x in results]

    def array(self, tensor):
        assert self.tf.TF_TensorType(tensor) == DTYPES["float32"]
        shape = [self.tf.TF_Dim(tensor, i) for i in range(self.tf.TF_NumDims(tensor))]
        start = ctypes.cast(self.tf.TF_TensorData(tensor), ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(start, shape).copy()


def main():
    path, model, config, jobs = pickle.load(sys.stdin.buffer)
    library = Library(path, model, config)
    results = [library.run(*job) for job in jobs]
    assert "tensorflow" not in sys.modules
    pickle.dump(results, sys.stdout.buffer)


if __name__ == "__main__":
    main()

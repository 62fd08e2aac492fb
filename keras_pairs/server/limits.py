"""How much the server takes: of one request, and of all together."""

# Of a request. Larger pictures can be asked about on the command line.
BODY_BYTES = 32 * 2**20
HEADER_BYTES = 32 * 2**10
# Lists and numbers in its JSON, each of which takes up to 64 bytes once it is read.
VALUES = 2**22
ROWS = 1024
# Of its PNG files together, decoded: one of the largest that a model takes, and some.
PIXELS = 64 * 2**20

# Seconds until a client must have sent its headers, then its body, and taken its answer.
HEADER_SECONDS = 15
BODY_SECONDS = 30
ANSWER_SECONDS = 30
# Until a connection is closed on which nothing is asked.
IDLE_SECONDS = 60
# For running requests, once the server was told to end.
DRAIN_SECONDS = 60

# Of all requests together: open connections (macOS gives a process 256 files), bodies in
# memory, and rows that wait.
CONNECTIONS = 200
BODIES_BYTES = 128 * 2**20
QUEUE_ROWS = 4096
# Rows that requests are joined to. More make a row no cheaper.
BATCH_ROWS = 64
# Pictures count as one row for so many pixels.
ROW_PIXELS = 2**16
# Batches that run side by side.
WORKERS = 2

# Between two looks at the folder of versions.
POLL_SECONDS = 1.0

"""How much the server takes, in one place: of a request, and of all together."""

# Of a request. A picture may have 32 MiB, see `image_files.MAX_BYTES`.
BODY_BYTES = 32 * 2**20
HEADER_BYTES = 32 * 2**10
ROWS = 1024
# Of all PNG files of a request, decoded: eight pairs of the largest that a model takes.
PIXELS = 64 * 2**20

# Seconds until a client must have sent its headers, then its body, and taken its answer.
HEADER_SECONDS = 15
BODY_SECONDS = 30
ANSWER_SECONDS = 30
# Until the server closes a connection on which nothing is asked.
IDLE_SECONDS = 60
# For running requests, once the server was told to end.
DRAIN_SECONDS = 60

# Of all requests together: open connections, bodies in memory, rows that wait.
CONNECTIONS = 512
BODIES_BYTES = 128 * 2**20
QUEUE_ROWS = 4096
# Rows that requests are joined to, and how many such batches run side by side.
BATCH_ROWS = 256
WORKERS = 2

# Between two looks at the folder of versions.
POLL_SECONDS = 1.0

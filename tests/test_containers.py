"""Dockerfile and compose.yaml: what can be checked without building an image."""

import fnmatch
import importlib
import importlib.util
import re
import shlex

import yaml

from keras_pairs.commands import flags
from keras_pairs.serving import box
from tests.helpers import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def copied():
    """What the Dockerfile copies from the repository."""
    lines = re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE)
    return [name for line in lines for name in line.split()[:-1]]


def command_lines():
    """(name, words) of each command of ours that a container starts."""
    (default,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    yield "Dockerfile", yaml.safe_load(default)
    for name, service in COMPOSE["services"].items():
        if "command" not in service:
            continue
        shell, option, line = shlex.split(service["command"])
        assert (shell, option) == ("sh", "-c")
        # As compose hands it on, and the shell replaces it.
        given = re.search(r"\$\{FLAGS:-(.*)\}", service["environment"]["FLAGS"])[1]
        line = line.replace("$$FLAGS", given).replace("$$(hostname)", "0a1b2c")
        words = shlex.split(line)
        yield name, words[words.index("exec") + 1 :]


def test_what_is_copied_is_there_and_let_in():
    first, *patterns = (
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert first == "*"
    allowed = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    for name in copied():
        assert (ROOT / name).exists(), name
        assert any(fnmatch.fnmatch(name, pattern) for pattern in allowed), name
    assert set(allowed) == set(copied())
    # What setup.cfg needs to make the package, with the model in the box.
    assert {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= set(copied())
    assert any(f"saved_models/{box.VERSION}".startswith(name) for name in copied())


def test_commands_are_legal():
    found = dict(command_lines())
    assert set(found) == {"Dockerfile", "chief", "worker"}
    for words in found.values():
        assert words[:2] == ["python", "-m"]
        values = flags.define(importlib.import_module(words[2]).FLAGS)
        values(words[2:])


def test_chief_and_workers_are_told_apart():
    services = COMPOSE["services"]
    ids = {}
    for name in ("chief", "worker"):
        environment = services[name]["environment"]
        assert environment["KERASTUNER_ORACLE_IP"] == "chief"
        assert environment["KERASTUNER_ORACLE_PORT"].isdigit()
        assert services[name]["volumes"] == ["runs:/runs"]
        assert services[name]["profiles"] == ["search"]
        ids[name] = re.search(r"KERASTUNER_TUNER_ID=(\S+)", services[name]["command"])[1]
    assert ids["chief"] == "chief" and "chief" not in ids["worker"]
    assert services["worker"]["deploy"]["replicas"] > 1 and "$$(hostname)" in ids["worker"]


def test_nobody_is_root_and_the_server_is_asked_how_it_is():
    assert DOCKERFILE.index("\nUSER ") > DOCKERFILE.rindex("\nRUN ")
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)
    (check,) = re.findall(r"^HEALTHCHECK .* CMD\s+(\[.*\])$", DOCKERFILE, re.MULTILINE)
    program, option, code = yaml.safe_load(check)
    assert (program, option) == ("python", "-c") and "127.0.0.1:8501/healthz" in code
    compile(code, "HEALTHCHECK", "exec")

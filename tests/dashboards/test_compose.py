"""The Compose file and the image, as far as they can be checked without a container engine: against the schema of
Compose files, for what they name, and for whether `mot` knows the commands they give it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
import warnings
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from jsonschema.validators import validator_for

from dashboards.grafana.runbooks import NOTES
from streams import probe
from streams.cli.localise import build_app, walk

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
COMMANDS = dict(walk(build_app("en")))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
XML = ROOT / "dashboards/provisioning/clickhouse/users.xml"


def one_shot(service: dict[str, Any]) -> bool:
    return bool(service.get("restart") == "no")


def test_it_fits_the_schema_of_compose_files() -> None:
    text = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text("utf-8")
    schema = json.loads(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        validator = validator_for(schema)(schema)
    assert [f"{list(one.path)}: {one.message}" for one in validator.iter_errors(COMPOSE)] == []
    assert list(validator.iter_errors({**COMPOSE, "services": {"x": {"imge": "y"}}})), "a misspelt key must be found"


def test_docker_compose_reads_it() -> None:
    docker = shutil.which("docker")
    asked = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    if not asked:
        print("docker compose is not installed here: `docker compose config` was not run")
        pytest.skip("no docker compose on this machine")
    assert docker is not None
    done = subprocess.run(
        [docker, "compose", "-f", str(FILE), "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_was_asked_for_is_there() -> None:
    assert set(SERVICES) == {
        *("kafka", "clickhouse", "grafana", "init-topics", "init-tables", "worker-1", "worker-2"),
        *("sink-clickhouse", "sink-alerts", "kpis"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"[\w./-]+:\d+(\.\d+){2,}", image), image
    if name in OURS:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        assert image == f"mot-monitor:{version}"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_and_restarted_or_runs_once(name: str) -> None:
    service = SERVICES[name]
    assert ("healthcheck" in service) != one_shot(service)
    assert service["restart"] in ("unless-stopped", "no")


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_is_root_or_can_become_it(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    assert name not in OURS or service["read_only"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_everything_it_names_exists(name: str) -> None:
    service = SERVICES[name]
    for secret in service.get("secrets", ()):
        assert secret in COMPOSE["secrets"]
    for mount in service.get("volumes", ()):
        source, target = mount.split(":")[:2] if "${" not in mount else re.split(r":(?=/)", mount)[:2]
        assert target.startswith("/")
        if source.startswith("."):
            assert mount.endswith(":ro")
            assert (ROOT / source.replace("${MOT_LANG:-zh}", "zh")).exists(), source
        else:
            assert source in COMPOSE["volumes"]
    for other, how in service.get("depends_on", {}).items():
        wanted = "service_completed_successfully" if one_shot(SERVICES[other]) else "service_healthy"
        assert how["condition"] == wanted, f"{name} waits for {other}"


def test_everything_defined_is_used() -> None:
    secrets = {secret for one in SERVICES.values() for secret in one.get("secrets", ())}
    assert secrets == set(COMPOSE["secrets"])
    mounted = {mount.split(":")[0] for one in SERVICES.values() for mount in one.get("volumes", ())}
    assert set(COMPOSE["volumes"]) <= mounted
    volumes = [mount for one in OURS.values() for mount in one.get("volumes", ())]
    assert len(volumes) == len(set(volumes)), "two processes must not share a folder of state"


def test_secrets_are_files_and_nothing_is_open_to_the_network() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert str(value).removeprefix("/run/secrets/") in service["secrets"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name}: {port}"
    assert "/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", OURS)
def test_mot_knows_every_command_and_option(name: str) -> None:
    words = [str(word) for word in OURS[name]["command"]]
    path = tuple(words[: next(at for at in range(len(words), 0, -1) if tuple(words[:at]) in COMMANDS)])
    command = COMMANDS[path]
    context = command.make_context(" ".join(path), words[len(path) :], obj=None)
    assert context.params
    with pytest.raises(Exception, match="No such option"):
        command.make_context("", [*words[len(path) :], "--no-such-option"], obj=None)


@pytest.mark.parametrize("name", [name for name in OURS if not one_shot(OURS[name])])
def test_the_probe_asks_what_the_process_answers(name: str) -> None:
    service = OURS[name]
    asked = service["healthcheck"]["test"]
    assert asked[:4] == ["CMD", "python", "-m", "streams.probe"]
    words = [str(word) for word in service["command"]]
    if asked[4] == "healthy":
        assert asked[5] == words[words.index("--port") + 1]
    else:
        assert asked[4:] == ["refreshed", words[words.index("--clickhouse") + 1]]
    assert probe.main(["nonsense"]) == 2


def test_the_users_of_clickhouse_are_those_that_others_name() -> None:
    root = ElementTree.parse(XML).getroot()
    users = root.find("users")
    assert users is not None
    assert {one.tag for one in users if one.get("remove") is None} == {"mot", "grafana"}
    assert users.find("default[@remove]") is not None
    script = SERVICES["clickhouse"]["entrypoint"][-1]
    for user in ("mot", "grafana"):
        variable = users.find(f"{user}/password").get("from_env")  # type: ignore[union-attr]
        assert f"export {variable}=" in script
    assert SERVICES["grafana"]["environment"]["MOT_CLICKHOUSE_USER"] == "grafana"
    assert users.findtext("grafana/profile") == "mot_read"
    assert root.findtext("profiles/mot_read/readonly") == "1"
    assert root.find("profiles/mot_read/constraints/max_execution_time/changeable_in_readonly") is not None
    for service in OURS.values():
        for word in service["command"]:
            assert "clickhouse:8123" not in str(word) or str(word).startswith("http://mot@")


def test_grafana_finds_what_the_provisioning_files_name() -> None:
    grafana = SERVICES["grafana"]
    for language in ("zh", "en"):
        folder = ROOT / "dashboards/provisioning" / language
        text = "".join(path.read_text("utf-8") for path in sorted(folder.rglob("*.yaml")))
        variables = set(re.findall(r"\$(MOT_\w+)", text))
        assert variables <= set(grafana["environment"])
        for secret in re.findall(r"\$__file\{/run/secrets/(\w+)\}", text):
            assert secret in grafana["secrets"]
        assert f"path: /var/lib/grafana/dashboards/mot/{language}" in text
    assert "./dashboards/generated:/var/lib/grafana/dashboards/mot:ro" in grafana["volumes"]
    plugin = grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    assert re.fullmatch(r"grafana-clickhouse-datasource@\d+\.\d+\.\d+", plugin)


def test_runbooks_name_services_that_there_are() -> None:
    texts = [
        text
        for notes in NOTES.values()
        for one in (notes.meaning, notes.first, *notes.then)
        for text in (one.zh, one.en)
    ]
    named = {name for text in texts for name in re.findall(r"docker compose (?:ps|logs) ([\w-]+)", text)}
    assert named
    assert named <= set(SERVICES)


# --- the image


def test_the_image_is_pinned_and_not_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert user == [next(iter(OURS.values()))["user"]]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"uv==(\S+)", DOCKERFILE)[1] == re.search(r"UV_VERSION := (\S+)", makefile)[1]  # type: ignore[index]


def test_the_image_holds_every_package_and_folder_it_needs() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE) == packages["packages"]
    folders = {mount.split(":")[1] for one in OURS.values() for mount in one.get("volumes", ())}
    assert all(f"mkdir -p {folder} && chown 10001:10001 {folder}" in DOCKERFILE for folder in folders)

"""`./run` as a person starts it: one deployment that all these tests leave running."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from adcp_sales.launcher.ports import ask
from tests.launcher.support import Deployment, free_port, run_launcher, wait_until_gone

pytestmark = pytest.mark.processes


def get(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.status, response.read().decode()


def call(ready: dict[str, Any], task: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{ready['url']}/adcp/{task}",
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {ready['buyer_token']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        found: dict[str, Any] = json.loads(response.read())
    return found


def test_everything_answers_when_the_ready_file_is_there(deployment: Deployment) -> None:
    ready = deployment.wait_until_ready()

    assert ready["url"] == f"http://127.0.0.1:{deployment.port}"
    status, health = get(f"{ready['url']}/healthz")
    states = {name: part["state"] for name, part in json.loads(health)["parts"].items()}
    parts = ("web", "database", "worker", "beat", "ad_server")
    assert (status, states) == (200, dict.fromkeys(parts, "ok"))
    assert get(ready["receiver_url"])[0] == 200
    assert get(ready["ad_server_url"])[0] == 200
    assert 'name="username"' in get(ready["admin_url"])[1]
    assert get(ready["docs_url"])[0] == 200


def test_the_ready_file_lets_a_program_buy_and_a_person_sign_in(deployment: Deployment) -> None:
    ready = deployment.wait_until_ready()

    assert {person["username"] for person in ready["staff"]} >= {
        "rep",
        "approver",
        "director",
        "viewer",
    }
    assert all(person["password"] for person in ready["staff"])
    assert len(ready["buyers"]) >= 3
    assert all(buyer["token"] and buyer["account_id"] for buyer in ready["buyers"])
    answer = call(ready, "get_products", {"buying_mode": "wholesale"})
    assert len(answer["products"]) >= 12


def test_the_terminal_says_what_to_do_next(deployment: Deployment) -> None:
    ready = deployment.wait_until_ready()
    printed = deployment.printed()

    assert ready["admin_url"] in printed
    assert ready["api_url"] in printed
    assert f"TOKEN={ready['buyer_token']}" in printed
    for person in ready["staff"]:
        assert f"{person['username']} / {person['password']}" in printed


def test_the_pasted_lines_order_and_ask(deployment: Deployment) -> None:
    # Given the lines of the main job as they are printed
    lines = deployment.printed().splitlines()
    pasted = [line for line in lines if line.startswith(("TOKEN=", "TASK=", "curl -s"))]
    assert len(pasted) == 4
    script = "\n".join([*pasted, 'echo "TASK is $TASK"'])

    # When they are pasted into a shell
    finished = run_shell(script)

    # Then the order waits for a person and its status can be asked
    assert finished.count('"status":"submitted"') == 2
    assert "TASK is task_" in finished
    assert '"media_buys":' in finished


def run_shell(script: str) -> str:
    finished = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return finished.stdout + finished.stderr


def test_secrets_and_tokens_are_private(deployment: Deployment) -> None:
    data = deployment.data_directory
    private = [*(data / "secrets").iterdir(), data / "demo.json", deployment.ready_file]

    assert len(private) == 6
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert (data / "secrets").stat().st_mode & 0o777 == 0o700
    assert (data / "logs").stat().st_mode & 0o777 == 0o700


def test_no_secret_is_in_a_command_line_or_an_environment(deployment: Deployment) -> None:
    contents = [
        path.read_text().strip() for path in (deployment.data_directory / "secrets").iterdir()
    ]
    for process in deployment.lasting():
        text = " ".join([*process.cmdline(), *process.environ().values()])
        assert not [secret for secret in contents if secret in text]


def test_each_child_has_a_group_of_its_own(deployment: Deployment) -> None:
    assert deployment.process is not None
    once = deployment.members("live_demo_past")
    children = [
        child for child in psutil.Process(deployment.process.pid).children() if child not in once
    ]

    assert len(children) == 6  # PostgreSQL, web, worker, beat, receiver, ad server
    assert all(os.getpgid(child.pid) == child.pid for child in children)


def test_a_second_start_beside_it_gets_one_line(deployment: Deployment) -> None:
    assert deployment.process is not None
    before = deployment.lasting()

    finished = run_launcher("--data-dir", deployment.data_directory, "--port", str(free_port()))

    assert finished.returncode == 1
    assert finished.stderr == (
        f"run: already running at http://127.0.0.1:{deployment.port} on "
        f"{deployment.data_directory} (process {deployment.process.pid}): "
        "stop it first, or use another --data-dir and --port.\n"
    )
    assert set(deployment.lasting()) == set(before)


def test_a_port_in_use_gets_one_line_and_starts_nothing(place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        finished = run_launcher("--data-dir", place / "data", "--port", str(port))

    assert finished.returncode == 1
    assert finished.stderr == (
        f"run: port {port} is in use by another program: stop it, or choose another with --port.\n"
    )
    assert sorted(path.name for path in (place / "data").iterdir()) == ["lock", "logs", "secrets"]
    assert list((place / "data" / "logs").iterdir()) == []
    assert list((place / "data" / "secrets").iterdir()) == []


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_wrong_port_is_refused(place: Path, port: str) -> None:
    finished = run_launcher("--data-dir", place / "data", "--port", port)

    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1].startswith("run: error: argument --port: ")
    assert not (place / "data").exists()


def test_an_unknown_verb_gets_one_line() -> None:
    finished = run_launcher("sell")

    assert finished.returncode == 1
    assert finished.stderr == "run: there is no verb sell: ./run --help lists them.\n"


def test_a_killed_worker_is_started_again(deployment: Deployment) -> None:
    # Given the worker of a deployment that runs
    (worker,) = deployment.members("worker")

    # When it is killed
    worker.kill()

    # Then it is gone, one line says so and another one takes its place
    assert wait_until_gone([worker], seconds=10) == []
    deadline = time.monotonic() + 20
    while not (successors := deployment.members("worker")) and time.monotonic() < deadline:
        time.sleep(0.1)
    (successor,) = successors
    assert successor.pid != worker.pid
    said = [line for line in deployment.printed().splitlines() if line.startswith("run: worker")]
    assert len(said) == 1
    assert said[0].startswith("run: worker ended (killed by SIGKILL), starting it again in 1 s: ")


def test_a_killed_web_server_leaves_the_port_to_the_next(deployment: Deployment) -> None:
    web = deployment.members("gunicorn")[0]
    forked = web.children()
    assert forked

    web.kill()

    assert wait_until_gone(forked, seconds=5) == []
    deadline = time.monotonic() + 20
    while ask(deployment.port, "/healthz")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ask(deployment.port, "/healthz")[0] == 200


def test_a_killed_ad_server_comes_back_with_its_orders(deployment: Deployment) -> None:
    # Given the simulated ad server, which was told of the demo's orders
    ready = deployment.wait_until_ready()
    (ad_server,) = deployment.members("mediabuys.adservers.simulated")
    before = booked_orders(deployment, ready)

    # When it is killed
    ad_server.kill()

    # Then another one answers on its port, and has them still
    assert wait_until_gone([ad_server], seconds=10) == []
    deadline = time.monotonic() + 20
    while ask(ad_server_port(ready), "/")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert before
    assert before <= booked_orders(deployment, ready)


def ad_server_port(ready: dict[str, Any]) -> int:
    return int(ready["ad_server_url"].rpartition(":")[2])


def booked_orders(deployment: Deployment, ready: dict[str, Any]) -> set[str]:
    """Return the references that the ad server has confirmed, once it has the first of the demo."""
    token = (deployment.data_directory / "secrets" / "adserver_token").read_text()
    request = urllib.request.Request(
        f"{ready['ad_server_url']}/simulation/orders", headers={"Authorization": f"Bearer {token}"}
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with urllib.request.urlopen(request, timeout=10) as response:
            orders = json.loads(response.read())["orders"]
        if booked := {row["reference"] for row in orders if row["state"] == "confirmed"}:
            return booked
        time.sleep(0.2)
    raise AssertionError("The demo's orders did not reach the ad server.")


def test_manage_works_on_the_running_database(deployment: Deployment) -> None:
    program = (
        "from mediabuys.models import Product; print('products', Product.objects.count() >= 12)"
    )

    finished = run_launcher(
        "manage", "--data-dir", deployment.data_directory, "shell", "-v0", "-c", program
    )

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == "products True\n"


def test_manage_passes_the_exit_code_on(deployment: Deployment) -> None:
    finished = run_launcher("manage", "--data-dir", deployment.data_directory, "no_such_command")

    assert finished.returncode == 1
    assert "Unknown command: 'no_such_command'" in finished.stderr

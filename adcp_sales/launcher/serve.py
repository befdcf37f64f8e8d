"""`./run`: PostgreSQL, migrations, seeds and every process of the deployment, until Ctrl-C."""

import json
import signal
import sys
import threading
import time
from typing import Any

from adcp_sales.launcher import ad_server, ports, welcome
from adcp_sales.launcher.database import application_environment, external_url, is_external
from adcp_sales.launcher.datadir import DataDirectory, write_private
from adcp_sales.launcher.errors import LauncherError
from adcp_sales.launcher.fingerprint import is_prepared, note_prepared
from adcp_sales.launcher.options import ServeOptions, parse_serve
from adcp_sales.launcher.postgres import PostgresServer
from adcp_sales.launcher.processes import start_child, stop_child
from adcp_sales.launcher.services import past_service, services
from adcp_sales.launcher.supervisor import Supervisor

# Ten times what a quiet machine of two cores takes for its first start.
READY_SECONDS = 300
TICK_SECONDS = 0.1


class StopAskedError(Exception):
    """Somebody asked us to stop while we were starting."""


def serve(arguments: list[str]) -> int:
    """Serve in the foreground until a signal, and return the exit code."""
    options = parse_serve(arguments)
    data = DataDirectory(options.data_directory)
    with data.locked():
        return Deployment(options=options, data=data).run()


class Deployment:
    """One running `./run`."""

    def __init__(self, *, options: ServeOptions, data: DataDirectory) -> None:
        self.options = options
        self.data = data
        self.url = f"http://{ports.HOST}:{options.port}"
        self.is_external = is_external()
        self.has_demo = options.demo or not self.is_external
        self.receiver_port: int | None = None
        self.ad_server_port: int | None = None
        self.postgres: PostgresServer | None = None
        self.supervisor = Supervisor()
        self.stopping = threading.Event()
        self.started = time.time()

    def run(self) -> int:
        """Start everything, tend it, and leave nothing behind."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._start()
            while not self.stopping.wait(TICK_SECONDS):
                self._refuse_dead_postgres()
                self.supervisor.tend()
        except StopAskedError:
            pass
        finally:
            self._stop()
        return 0

    def _on_signal(self, number: int, _frame: object) -> None:
        """Stop once; a second Ctrl-C does not wait for anybody."""
        if self.stopping.is_set() and number == signal.SIGINT:
            self.supervisor.kill()
        self.stopping.set()

    def _start(self) -> None:
        ports.require_free(self.options.port, flag="--port")
        self._choose_ports()
        if self.options.ready_file is not None:
            self.options.ready_file.unlink(missing_ok=True)
        environment = self._environment()
        self.data.note(url=self.url)
        if self.ad_server_url is not None:
            self.data.note(ad_server_url=self.ad_server_url)
        self._prepare(environment)
        has_past = self.ad_server_port is not None and ad_server.is_new(self.data)
        for service in services(
            data=self.data,
            environment=environment,
            web_port=self.options.port,
            receiver_port=self.receiver_port,
            ad_server_port=self.ad_server_port,
        ):
            self.supervisor.start(service)
        self._wait_until_ready()
        self._announce()
        if has_past:
            self.supervisor.start(past_service(data=self.data, environment=environment))

    def _choose_ports(self) -> None:
        """Give receiver and simulator their ports: the two after the web server's, if free."""
        if self.has_demo:
            self.receiver_port = ports.choose_port(
                asked=self.options.receiver_port,
                usual=self.options.port + 1,
                flag="--receiver-port",
            )
        if ad_server.is_wanted(has_demo=self.has_demo):
            self.ad_server_port = ports.choose_port(
                asked=self.options.ad_server_port,
                usual=self.options.port + 2,
                flag="--ad-server-port",
                taken=(self.receiver_port,) if self.receiver_port is not None else (),
            )

    @property
    def ad_server_url(self) -> str | None:
        """The simulator's address; None where this deployment does not run one."""
        return ad_server.url_of(self.ad_server_port) if self.ad_server_port is not None else None

    def _environment(self) -> dict[str, str]:
        """Return what the processes get, starting PostgreSQL unless one was named."""
        if self.is_external:
            url = external_url()
        else:
            self.postgres = PostgresServer(
                data_directory=self.data.postgres, log_file=self.data.log_path("postgres")
            )
            self.postgres.start()
            url = self.postgres.url
        environment = application_environment(
            self.data, url=url, has_demo=self.has_demo, ad_server_url=self.ad_server_url
        )
        environment.setdefault("PUBLIC_URL", self.url)
        return environment

    def _prepare(self, environment: dict[str, str]) -> None:
        """Migrate and seed in a child, so that we stay small and can be stopped meanwhile.

        What is seeded was booked before any ad server was connected.
        """
        if not self.is_external and is_prepared(self.data):
            return
        environment = environment | {"ADSERVER": "inline"}
        command = [sys.executable, "-m", "adcp_sales.launcher.prepare"]
        if self.has_demo:
            command += ["--demo-file", str(self.data.demo_file)]
            command += ["--random-passwords"] if self.is_external else []
        log = self.data.log_path("prepare")
        with log.open("wb") as output:
            child = start_child(
                command, environment=environment, death_signal=signal.SIGKILL, output=output
            )
        while child.poll() is None:
            if self.stopping.wait(TICK_SECONDS / 2):
                stop_child(child, stop_signal=signal.SIGTERM, grace_seconds=2)
                raise StopAskedError
            self._refuse_dead_postgres()
        if child.returncode != 0:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise LauncherError(
                f"the database could not be prepared: {lines[-1] if lines else ''} ({log})"
            )
        if not self.is_external:
            note_prepared(self.data)

    def _wait_until_ready(self) -> None:
        """Wait until every part has answered since this start.

        Raises LauncherError, naming who, when one cannot start or does not answer in the end.
        """
        deadline = time.monotonic() + READY_SECONDS
        waiting: list[str] = []
        while time.monotonic() < deadline:
            waiting = self._silent_parts()
            if not waiting:
                return
            if self.stopping.wait(TICK_SECONDS):
                raise StopAskedError
            self._refuse_dead_postgres()
            self.supervisor.tend()
            self._refuse_hopeless_service()
        raise LauncherError(
            f"not ready after {READY_SECONDS} s, still silent: {', '.join(waiting)} "
            f"(logs in {self.data.logs})"
        )

    def _refuse_hopeless_service(self) -> None:
        found = self.supervisor.hopeless()
        if found is not None:
            raise LauncherError(
                f"{found.name} cannot start: {found.last_line()} (see {found.log}); stopped."
            )

    def _silent_parts(self) -> list[str]:
        """Return the parts that have not answered yet."""
        status, health = ports.ask(self.options.port, "/healthz")
        silent = [] if status == 200 else ["web"]
        silent += welcome.silent_heartbeats(health, seconds_up=time.time() - self.started)
        if self.receiver_port is not None and ports.ask(self.receiver_port, "/healthz")[0] != 200:
            silent.append("receiver")
        if self.ad_server_port is not None and ports.ask(self.ad_server_port, "/")[0] != 200:
            silent.append("ad server")
        return silent

    def _refuse_dead_postgres(self) -> None:
        """Everything rests on PostgreSQL: without it we stop and say so."""
        process = self.postgres.process if self.postgres is not None else None
        if process is not None and process.poll() is not None and not self.stopping.is_set():
            raise LauncherError(
                f"PostgreSQL ended (exit code {process.returncode}), stopping everything: "
                f"see {self.data.logs / 'postgres.log'}"
            )

    def _announce(self) -> None:
        """Tell the person at the terminal what to do next, and write the ready file last."""
        facts = welcome.facts(
            url=self.url,
            demo=self._demo(),
            receiver_port=self.receiver_port,
            ad_server_url=self.ad_server_url,
        )
        print(welcome.text(facts), flush=True)
        if self.options.ready_file is not None:
            write_private(self.options.ready_file.absolute(), json.dumps(facts, indent=2) + "\n")

    def _demo(self) -> dict[str, Any]:
        if not (self.has_demo and self.data.demo_file.exists()):
            return {}
        found = json.loads(self.data.demo_file.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}

    def _stop(self) -> None:
        """Stop all processes, PostgreSQL last."""
        self.stopping.set()
        self.data.note(state="stopping")
        if self.options.ready_file is not None:
            self.options.ready_file.unlink(missing_ok=True)
        self.supervisor.stop()
        if self.postgres is not None:
            self.postgres.stop()

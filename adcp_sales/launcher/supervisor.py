"""Keeps the processes of a deployment running, and stops them together."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from adcp_sales.launcher.processes import signal_group, start_child

# After a crash the wait doubles up to the maximum; a process that ran this long starts afresh.
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
STEADY_SECONDS = 60.0
STOP_SECONDS = 8.0
# Before everything has answered once, this many crashes mean that waiting helps nobody.
MOST_CRASHES = 4


@dataclass(kw_only=True)
class Service:
    """One process: how it is started, and how its last start went."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    death_signal: int = signal.SIGKILL
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait_seconds: float = field(default=FIRST_WAIT_SECONDS)
    restart_at: float | None = None
    crashes: int = 0
    # Whether it does one thing and ends, and is not started again.
    is_once: bool = False

    def start(self) -> None:
        """Start the process, its output going to the log."""
        with self.log.open("ab") as output:
            self.process = start_child(
                self.command,
                environment=self.environment,
                death_signal=self.death_signal,
                output=output,
            )
        self.started = time.monotonic()
        self.restart_at = None

    def last_line(self) -> str:
        """Return the last line of the log, which usually says why the process ended."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1].strip() if lines else "no output"


class Supervisor:
    """Starts services, restarts those that end by themselves, and stops them all."""

    def __init__(self) -> None:
        self.services: list[Service] = []

    def start(self, service: Service) -> None:
        """Start the service and keep it running from now on."""
        self.services.append(service)
        service.start()

    def tend(self) -> None:
        """Restart, after a growing wait, what has ended; says so in one line each time."""
        now = time.monotonic()
        for service in self.services:
            if service.restart_at is not None:
                if now >= service.restart_at:
                    service.start()
            elif service.process is not None and service.process.poll() is not None:
                if service.is_once:
                    self._forget(service, service.process.returncode)
                else:
                    self._plan_restart(service, now)

    def hopeless(self) -> Service | None:
        """Return a service that cannot start, having ended again and again, if there is one."""
        return next((found for found in self.services if found.crashes >= MOST_CRASHES), None)

    def _forget(self, service: Service, code: int) -> None:
        service.process = None
        if code != 0:
            line = f"run: {service.name} ended ({describe_exit(code)}): {service.last_line()}"
            print(f"{line} ({service.log})", file=sys.stderr, flush=True)

    def _plan_restart(self, service: Service, now: float) -> None:
        process = service.process
        if process is None:
            return
        # What the dead process left in its group (gunicorn's workers) would keep the port.
        signal_group(process, signal.SIGKILL)
        if now - service.started > STEADY_SECONDS:
            service.wait_seconds = FIRST_WAIT_SECONDS
        print(
            f"run: {service.name} ended ({describe_exit(process.returncode)}), starting it again "
            f"in {service.wait_seconds:.0f} s: {service.last_line()} ({service.log})",
            file=sys.stderr,
            flush=True,
        )
        service.crashes += 1
        service.restart_at = now + service.wait_seconds
        service.wait_seconds = min(service.wait_seconds * 2, LONGEST_WAIT_SECONDS)

    def stop(self) -> None:
        """Ask all to stop at once, and kill the groups of those that do not in time."""
        running = [service.process for service in self.services if service.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(child.poll() is None for child in running):
            time.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """Kill every group that still has a process."""
        for service in self.services:
            if service.process is not None:
                signal_group(service.process, signal.SIGKILL)
                service.process.wait()


def describe_exit(code: int) -> str:
    """Return an exit code in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"

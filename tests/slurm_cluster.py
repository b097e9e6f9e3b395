"""A Slurm cluster of this machine alone, with two processors, for as long as a test needs it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for as long as credentials are valid: two minutes, if nothing is said.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def ask(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def until(true, what, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@contextlib.contextmanager
def cluster():
    """Its daemons run, and SLURM_CONF names its configuration; in the end all is gone."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # a socket's path must be short
    folder.chmod(0o755)
    before, started = os.environ.get("SLURM_CONF"), []
    # Tests that are asked to end leave nothing behind.
    handler = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))

    def start(*command):
        with (folder / f"{command[0]}.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, cwd=folder, start_new_session=True
                )
            )

    try:
        _configure(folder)
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
        own = [f"--{key}={folder}/munge.{key}" for key in ("socket", "pid-file", "log-file")]
        own += [f"--{key}={folder}/munge.{key}" for key in ("key-file", "seed-file")]
        start("munged", "--foreground", "--force", *own)
        until((folder / "munge.socket").exists, _logs(folder))
        start("slurmctld", "-D")
        start("slurmd", "-D", "-N", socket.gethostname())
        until(lambda: _is_idle(folder), "no node")
        yield folder
    finally:
        for command in ("scancel", "--me"), ("scancel", "--me", "--full", "--signal=KILL"):
            with contextlib.suppress(Exception):
                ask(*command)
        with contextlib.suppress(Exception):
            until(lambda: not ask("squeue", "-h"), "jobs that do not end", 20)
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        signal.signal(signal.SIGTERM, handler)
        os.environ.pop("SLURM_CONF", None)
        if before is not None:
            os.environ["SLURM_CONF"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _configure(folder):
    key = folder / "munge.key-file"
    key.touch(0o600)
    key.write_bytes(os.urandom(1024))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in free:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in free]
    host = socket.gethostname()
    text = CONFIGURATION.format(host=host, ports=ports, folder=folder)
    (folder / "slurm.conf").write_text(text)


def _is_idle(folder):
    try:
        return ask("sinfo", "-h", "-o", "%t").strip() == "idle"
    except subprocess.CalledProcessError:
        return False


def _logs(folder):
    return "\n".join(path.read_text(errors="replace") for path in folder.glob("*.log"))

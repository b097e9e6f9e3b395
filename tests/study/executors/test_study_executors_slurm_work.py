import multiprocessing
import subprocess
import sys

import pytest

from sparsegan.study.executors.base import Task
from sparsegan.study.executors.slurm_work import Work, ask, ending, environment


def test_a_cell_is_not_to_take_itself_for_a_task_of_srun():
    seen = {"SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", "PATH": "/bin", "SLURMD_NODENAME": "a"}
    assert environment(seen) == {"PATH": "/bin", "SLURMD_NODENAME": "a"}


def test_the_end_of_a_command_is_written_down(tmp_path, monkeypatch):
    for key, value in {"ARRAY_JOB_ID": "3", "ARRAY_TASK_ID": "1", "JOB_ID": "5"}.items():
        monkeypatch.setenv(f"SLURM_{key}", value)
    monkeypatch.setenv("SUBMITIT_FOLDER", str(tmp_path))
    program = "import os, signal; print('here', *[k for k in os.environ if 'SLURM_' in k])\n"
    program += "assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN; raise SystemExit(7)"
    ending(tmp_path, "3_1").write_text("of an earlier start")
    task = Task("a", (sys.executable, "-c", program), tmp_path / "log", 1, 0, tmp_path)
    process = multiprocessing.get_context("fork").Process(target=Work(), args=(task,))
    process.start()
    process.join()
    assert int(ending(tmp_path, "3_1").read_text()) == 7
    assert task.output.read_text() == "Slurm: job 3_1 on None\nhere\n"


def test_a_job_does_not_load_pytorch():
    program = "import sys, sparsegan.study.executors.slurm_work; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("command", [["false"], ["no-such-program"]])
def test_a_program_that_fails_says_nothing(command):
    assert ask(*command) is None
    assert ask("echo", "yes") == "yes"

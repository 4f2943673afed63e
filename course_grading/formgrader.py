"""nbgrader's formgrader, for the answers that a person marks, on a server that can show them and take marks: no more.

There is no handler that starts a kernel, a terminal or a program, that grades, releases or collects, or that writes or
serves files; the tests ask for each of them.
"""

import os
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from nbgrader.server_extensions.formgrader import apihandlers, handlers
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from tornado.web import RequestHandler, StaticFileHandler
from traitlets.config import Config

from course_grading.labs import ROOT
from course_grading.marks import check_version, default_url

POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self'; frame-ancestors 'self'"
)
MARKING = (apihandlers.GradeHandler, apihandlers.CommentHandler, apihandlers.FlagSubmissionHandler)
"""What may write: points, comments, and the flag of a submission."""

LEFT_OUT = (handlers.FormgraderHandler, handlers.SubmissionFilesHandler)
"""One reads settings from any folder that it is told, the other serves files."""

READING = ("GET", "HEAD")
PAGES = "/formgrader/gradebook"
"""The first page, and the beginning of the addresses of the others."""

Route = tuple


class Marking(FormgradeExtension):
    """nbgrader's pages for marking by hand, on a server that runs."""

    def init_handlers(self, webapp) -> None:
        """Add the routes that show, and those that take a mark."""
        base = webapp.settings["base_url"].rstrip("/")
        known = [*handlers.default_handlers, *apihandlers.default_handlers]
        static = (r"/formgrader/static/(.*)", StaticFileHandler, {"path": handlers.static_path})
        routes = [harmless(route) for route in known if does_read_or_mark(route[1])]
        webapp.add_handlers(".*$", [(base + path, *rest) for path, *rest in (*routes, static)])


def does_read_or_mark(handler: type[RequestHandler]) -> bool:
    """Whether a handler of nbgrader's has anything to do here."""
    return handler not in LEFT_OUT and (handler in MARKING or "get" in vars(handler))


def harmless(route: Route) -> Route:
    """A route whose handler writes nothing but marks."""
    path, handler, *options = route
    if handler not in MARKING:
        handler = type(handler.__name__, (handler,), {"SUPPORTED_METHODS": READING})
    return (path, handler, *options)


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """What Jupyter calls to add this module to a server."""
    marking = Marking(parent=server)
    marking.root_dir = server.root_dir
    marking.log = server.log
    marking.initialize([])
    marking.init_tornado_settings(server.web_app)
    marking.init_handlers(server.web_app)


class Server(ServerApp):
    """Jupyter's server with nothing but this module: who may come in is checked as ever."""

    default_services: tuple[str, ...] = ()  # type: ignore[assignment]

    def find_server_extensions(self) -> None:
        """Add this module, and no other that is installed."""
        self.jpserver_extensions = {__name__: True}


def settings(folder: Path, url: str) -> Config:
    """nbgrader's and Jupyter's settings. Submissions are out of sight: only our harmless copies are shown."""
    return Config({
        "CourseDirectory": {
            "root": str(folder),
            "db_url": url,
            "source_directory": str(ROOT / "solutions"),
            "release_directory": str(ROOT / "labs"),
            "submitted_directory": "grading/no-submissions",
        },
        "ExecutePreprocessor": {"enabled": False},
        "HTMLExporter": {"sanitize_html": True},
        "ContentsManager": {"files_handler_class": None},
        "IdentityProvider": {"cookie_options": {"path": "/"}},  # else it holds for one page
        "ServerApp": {
            "root_dir": str(folder),
            "default_url": PAGES,
            "allow_root": hasattr(os, "geteuid") and os.geteuid() == 0,
            "tornado_settings": {"headers": {"Content-Security-Policy": POLICY}},
        },
    })  # fmt: skip


def prepare(folder: str | Path, db: str | None = None) -> Config:
    """The settings for a class.

    Raises:
        ValueError: If nothing is graded yet, or the gradebook is of another version.
    """
    folder = Path(folder).resolve()
    if not (folder / "autograded").is_dir():
        raise ValueError(f"expected graded submissions in {folder}, found none: run grade first")
    url = db or default_url(folder)
    check_version(url)
    return settings(folder, url)


def start(folder: str | Path, db: str | None = None, options: list[str] | None = None) -> None:
    """Serve the formgrader until Ctrl-C; settings of one's own for Jupyter or nbgrader are not read."""
    chosen = prepare(folder, db)
    os.environ["JUPYTER_CONFIG_DIR"] = str(Path(folder).resolve() / "grading" / "formgrader")
    os.environ["JUPYTER_NO_CONFIG"] = "1"
    os.chdir(folder)
    Server.launch_instance(options or [], config=chosen)

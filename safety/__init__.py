"""Places of Safety: a bed for a few days for somebody just brought out of slavery. This module makes the app and nothing else."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader
from werkzeug.middleware.proxy_fix import ProxyFix

import config
from safety import commands, demo, extensions, jobs, web
from safety.crypto import Ring
from safety.extensions import csrf, db, login, migrate
from safety.web import static_files, wire

_HERE = Path(__file__).parent


def create_app(settings: config.Settings | None = None) -> Flask:
    """The application, with every door open that its settings allow.

    `settings` defaults to the process environment. Raises config.BadSetting naming what is wrong.
    """
    settings = settings or config.load()
    app = Flask(__name__, static_folder=None)
    app.config.from_mapping(config.as_flask(settings))
    app.extensions["ring"] = Ring(dict(settings.POS_FIELD_KEYS), settings.POS_INDEX_KEY)
    app.jinja_loader = ChoiceLoader(
        [
            PackageLoader("safety"),
            PrefixLoader(
                {name: PackageLoader(name) for name in ("govuk_frontend_jinja", "govuk_frontend_wtf")}
            ),
        ]
    )
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            extensions.install_sqlite(db.engine)
    migrate.init_app(
        app, db, directory=str(_HERE.parent / "migrations"), render_as_batch=True, compare_type=True
    )
    login.init_app(
        app, add_context_processor=False
    )  # it would ask the database who is there to draw an error page
    csrf.init_app(app)
    web.init_app(app)
    commands.init_app(app)
    demo.init_app(app)
    jobs.init_app(app)
    if settings.POS_PROXIES:
        count = settings.POS_PROXIES
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    served = static_files.init_app(app, _HERE / "static", _HERE.parent / "var" / "static")
    secure = settings.POS_PUBLIC_URL.startswith("https://")
    app.wsgi_app = wire.headers_on_everything(served, secure=secure)  # type: ignore[assignment, method-assign]
    return app

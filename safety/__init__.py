"""Places of Safety: a bed for a few days for somebody just brought out of slavery. This module makes the app and nothing else."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

import config
from safety import commands, extensions, jobs, web
from safety.crypto import Ring
from safety.extensions import csrf, db, login, migrate

_HERE = Path(__file__).parent


def create_app(settings: config.Settings | None = None) -> Flask:
    """The application, with every door open that its settings allow.

    `settings` defaults to the process environment. Raises config.BadSetting naming what is wrong.
    """
    settings = settings or config.load()
    app = Flask(__name__)
    app.config.from_mapping(config.as_flask(settings))
    app.extensions["ring"] = Ring(dict(settings.POS_FIELD_KEYS), settings.POS_INDEX_KEY)
    app.jinja_loader = ChoiceLoader(
        [
            PackageLoader("safety"),
            PrefixLoader({name: PackageLoader(name) for name in ("govuk_frontend_jinja", "govuk_frontend_wtf")}),
        ]
    )
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            extensions.install_sqlite(db.engine)
    migrate.init_app(app, db, directory=str(_HERE.parent / "migrations"), render_as_batch=True, compare_type=True)
    login.init_app(app)
    csrf.init_app(app)
    web.init_app(app)
    commands.init_app(app)
    jobs.init_app(app)
    if settings.POS_PROXIES:
        count = settings.POS_PROXIES
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app, root=str(_HERE / "static"), prefix="static/", max_age=3600
    )
    return app

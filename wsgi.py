"""The application gunicorn and the flask command load."""

from safety import create_app

app = create_app()

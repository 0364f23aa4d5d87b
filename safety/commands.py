from safety import models  # noqa: F401
def init_app(app): pass

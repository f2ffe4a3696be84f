"""`python -m services.session.main`"""

import shared.platform.omitted_modules  # noqa: F401  (before the libraries that would load them)

# isort: split
from services.session.app import make_app
from services.session.private_files import set_private_umask
from services.session.settings import SessionSettings
from shared.service import serve

if __name__ == "__main__":
    set_private_umask()
    settings = SessionSettings()
    serve(make_app(settings), "session", settings)

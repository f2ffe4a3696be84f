"""`python -m services.session.main`"""

from services.session.app import make_app
from services.session.settings import SessionSettings
from services.session.store.private_files import set_private_umask
from shared.service import serve

if __name__ == "__main__":
    set_private_umask()
    settings = SessionSettings()
    serve(make_app(settings), "session", settings)

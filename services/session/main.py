"""`python -m services.session.main`"""

from services.session.app import make_app
from services.session.settings import SessionSettings
from services.session.store.private_files import keep_private
from shared.service import serve

if __name__ == "__main__":
    keep_private()
    settings = SessionSettings()
    serve(make_app(settings), "session", settings)

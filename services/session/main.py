"""`python -m services.session.main`"""

from services.session.app import make_app
from services.session.settings import SessionSettings
from shared.service import serve

if __name__ == "__main__":
    settings = SessionSettings()
    serve(make_app(settings), "session", settings)

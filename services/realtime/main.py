"""`python -m services.realtime.main`"""

from services.realtime.app import make_app
from services.realtime.settings import RealtimeSettings
from shared.service import serve

if __name__ == "__main__":
    settings = RealtimeSettings()
    serve(make_app(settings), "realtime", settings, settings.socket_payload_limit)

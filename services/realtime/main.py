"""`python -m services.realtime.main`"""

import services.realtime.omitted_modules  # noqa: F401  (before the libraries that would load them)

# isort: split
from services.realtime.app import make_app
from services.realtime.settings import RealtimeSettings
from shared.service import serve

if __name__ == "__main__":
    settings = RealtimeSettings()
    serve(make_app(settings), "realtime", settings, settings.socket_payload_limit)

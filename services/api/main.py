"""Start the api: `python -m services.api.main`."""

from services.api.app import create_app
from services.api.settings import ApiSettings
from shared.service import serve

if __name__ == "__main__":
    settings = ApiSettings()
    serve(create_app(settings), "api", settings)

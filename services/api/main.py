"""Start the api: `python -m services.api.main`."""

import shared.platform.omitted_modules  # noqa: F401  (before the libraries that would load them)

# isort: split
from services.api.app import create_app
from services.api.settings import ApiSettings
from shared.service import serve

if __name__ == "__main__":
    settings = ApiSettings()
    serve(create_app(settings), "api", settings)

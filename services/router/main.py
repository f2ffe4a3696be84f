"""`python -m services.router.main`"""

import shared.platform.omitted_modules  # noqa: F401  (before the libraries that would load them)

# isort: split
from services.router.app import make_app
from services.router.settings import RouterSettings
from shared.service import serve

if __name__ == "__main__":
    settings = RouterSettings()
    serve(make_app(settings), "router", settings)

"""Keeps the driver of MongoDB out of this service, which uses NATS only. To be imported before all other modules."""

from shared.platform.omitted_modules import omit_modules

omit_modules(("motor", "pymongo"))

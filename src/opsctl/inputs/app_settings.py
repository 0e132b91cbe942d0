"""`app` and `settings` of a service: the app must be known, and its settings those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from opsctl.inputs.draft import Draft
from opsctl.inputs.validation import faults
from opsctl.model.stack import Service
from opsctl.model.values import Unfit

if TYPE_CHECKING:
    from opsctl.apps.app import App


def with_settings(draft: Draft, environment: str, stack: str, name: str, service: Service) -> Service:
    """The service with its settings complete, defaults filled in; what is wrong goes to the draft."""
    lead = f"services.{name}"
    if not service.app:
        if service.settings:
            place = draft.in_stack(environment, stack, "services", name, "settings")
            draft.add(place, f"{lead}: settings without an app", "name it: app: litellm")
        return service
    try:
        app = _app(service.app)
    except Unfit as reason:
        draft.add(
            draft.in_stack(environment, stack, "services", name, "app"), f"{lead}.app: {reason}", reason.hint
        )
        return service
    try:
        settings = app.settings.model_validate(service.settings)
    except ValidationError as error:
        for fault in faults(error, app.settings, ("services", name, "settings")):
            draft.add(draft.in_stack(environment, stack, *fault.path), fault.message, fault.hint)
        return service
    return service.model_copy(update={"settings": settings.model_dump()})


def _app(name: str) -> App:
    from opsctl.apps.catalogue import find_app  # a project without apps does not need it

    return find_app(name)

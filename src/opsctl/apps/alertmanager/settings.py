"""What the operator states of an Alertmanager: for the template of alertmanager.yml, and for the rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from opsctl.model.frozen import Frozen
from opsctl.model.values import Duration


class Settings(Frozen):
    """`chat_id` is Telegram's number of a chat, negative for a group; `thread` a topic of it."""

    chat_id: StrictInt | None = None
    thread: StrictInt | None = None
    api_url: str = "https://api.telegram.org"
    group_wait: Annotated[Duration, Field(ge=1)] = 10.0
    group_interval: Annotated[Duration, Field(ge=1)] = 60.0
    repeat_interval: Annotated[Duration, Field(ge=1)] = 4 * 3600.0

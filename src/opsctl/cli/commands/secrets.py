"""`opsctl secrets`: the encrypted stores of the project, one for each environment."""

from __future__ import annotations

from opsctl.cli.lookup import group, new_app

_COMMANDS = {
    "init": ("secrets_init", "init"),
    "list": ("secrets_look", "list_secrets"),
    "show": ("secrets_show", "show"),
    "set": ("secrets_change", "set_secret"),
    "edit": ("secrets_edit", "edit"),
    "history": ("secrets_look", "history"),
    "restore": ("secrets_change", "restore"),
    "remove": ("secrets_change", "remove"),
    "export": ("secrets_show", "export"),
    "import": ("secrets_import", "import_secrets"),
    "resolve": ("secrets_resolve", "resolve"),
    "log": ("secrets_look", "log"),
    "doctor": ("secrets_look", "doctor"),
    "recipients": ("secrets_recipients", "recipients"),
}


def about() -> None:
    """Keep secrets encrypted in the repository: values, their age, who can open them."""


_app = new_app(name="secrets")
_app.callback()(about)
secrets = group(_app, _COMMANDS)

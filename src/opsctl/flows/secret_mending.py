"""The command line that answers a remark about a secret, as complete as the stacks let it be."""

from __future__ import annotations

from opsctl.flows.secret_inventory import Item, of_a_database
from opsctl.secrets.classes import given_by_others, kept_by_redis
from opsctl.secrets.policy import Remark

_LETTERS = 32

# Of the official image of PostgreSQL: the password of its first role, which is postgres unless POSTGRES_USER says otherwise.
_FIRST_ROLE = "POSTGRES_PASSWORD"


def mend(item: Item, remark: Remark, environment: str) -> str:
    """Words in capitals are for the reader to fill in. A value that is another's to give is asked for, not made up."""
    about = f"{item.name} -e {environment}"
    match remark.kind:
        case "missing" | "no value":
            return f"opsctl secrets set {about}{_kept(item)}{_made_up(item)}"
        case "class by use":
            return f"opsctl secrets set {about}{_kept(item)} --policy-only"
        case "rotation open" | "not withdrawn" | "journal left":
            return f"opsctl rotate-secret {about} --resume"
        case "class by name":
            return f"opsctl secrets set {about} --class {item.known} --policy-only"
        case "unused":
            return f"opsctl secrets remove {about}"
        case _:
            return f"opsctl rotate-secret {about}"


def _made_up(item: Item) -> str:
    if item.known or given_by_others(item.name, item.env_keys):
        return ""
    return f" --generate {_LETTERS}"


def _kept(item: Item) -> str:
    """Class, driver and target of a value that a database server keeps."""
    if item.known or not of_a_database(item.name, item.uses):
        return ""
    if kept_by_redis(item.name, item.env_keys):
        return " --class database --driver redis --target service=SERVICE --target user=USER"
    service, role = next(iter(_roles(item)), ("SERVICE", "ROLE"))
    return f" --class database --target service={service} --target role={role}"


def _roles(item: Item) -> list[tuple[str, str]]:
    """By service, the roles that the stacks say have the value as their password."""
    uses = item.uses or ()
    said = [(use.service, use.role) for use in uses if use.database]
    return said + [(use.service, "postgres") for use in uses if use.env_key == _FIRST_ROLE]

"""What the LiteLLM of a new image says of the config.yaml that it shall run with, before the old one stops."""

from __future__ import annotations

import posixpath

from opsctl.apps.litellm.key_lists import GENERAL
from opsctl.apps.litellm.proxy import Proxy, proxy_of
from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Talk, failed, passed, ran, skipped, unknown
from opsctl.checks.throwaway import Throwaway

_UNTOLD = 70
# What the proxy does with its file at its start (proxy_server.py 1.81.3 and 1.109.1: initialize, proxy_startup_event), without the
# server and the database behind it. No option of the program ends there: --test calls a model, --skip_server_startup reads the file
# for the database alone. A Redis that is not there is a line in the log.
_LOAD = """\
import asyncio, inspect, os, sys, tempfile

def end(code, *words):
    print(*words, file=sys.stderr, flush=True)
    os._exit(code)

path = os.path.join(tempfile.mkdtemp(), "config.yaml")
with open(path, "wb") as file:
    file.write(sys.stdin.buffer.read())
try:
    from litellm.proxy.proxy_server import ProxyConfig
    load, given = ProxyConfig().load_config, {"router": None, "config_file_path": path}
    inspect.signature(load).bind(**given)
except (ImportError, AttributeError, TypeError) as error:
    end(70, "litellm.proxy.proxy_server:", error)

async def tried():
    try:
        await load(**given)
    except BaseException as error:
        end(1, type(error).__name__ + ":", *str(error).split())
    end(0)

asyncio.run(tried())
"""
_MEMORY = 768 * 2**20
"""260 MB with a few models (1.81.3, run)."""
_SECONDS = 120.0
"""17 on two busy cores, half of them the import."""
# Else it asks GitHub for prices first, and takes its own when nobody answers (litellm_core_utils/get_model_cost_map.py).
_OWN_PRICES = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def takes_its_config(crossing: Crossing) -> Talk:
    """The new version loads the config.yaml, with the service's variables, and its router takes the models and settings in it."""
    proxy = proxy_of(crossing.now.view)
    if proxy.config is None:
        return skipped(f"opsctl mounts no {proxy.unread}" if proxy.unread else "it has no config.yaml")
    if why := _more(proxy):
        return skipped(why)
    told = yield from ran(
        Throwaway(
            crossing.now.host.name,
            crossing.now.service.image,
            ("python", "-c", _LOAD),
            proxy.config.file.content,
            env={**crossing.now.service.env, **_OWN_PRICES},
            memory=_MEMORY,
            timeout=_SECONDS,
        )
    )
    if told.code == _UNTOLD:
        return unknown(f"this version reads its config.yaml in another way: {told.last_line()}")
    if told.code:
        return failed(f"it does not take its config.yaml: {told.last_line()}")
    return passed("it takes its config.yaml")


def _more(proxy: Proxy) -> str:
    """What the file needs beside itself, "" for nothing."""
    if proxy.config is None:
        return ""
    target = proxy.config.file.target
    folder = posixpath.dirname(target)
    beside = [one.target for one in proxy.view.service.files if posixpath.dirname(one.target) == folder]
    if others := sorted({*beside} - {target}):
        return f"it may import {', '.join(others)}, and only one file can be shown to it"
    if "include" in proxy.config.section():
        return f"{target} includes others, and only one file can be shown to it"
    if proxy.section(GENERAL).get("key_management_system"):
        return "it asks a key manager at its start, and has no network here"
    return ""

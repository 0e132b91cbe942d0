"""What is only wrong between files: (what, files, message, hint); the mark is on the line."""

from __future__ import annotations

_TWO_HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["web", "vpn"]
[hosts.web]
addresses = ["10.0.0.1"]
stacks = ["apps"]
vars = {port = 80}
[hosts.vpn]
addresses = ["10.0.0.2"]
stacks = ["vpn"]
"""
_TWO_STACKS = """\
project = "demo"
[environments.prod]
hosts = ["web"]
[hosts.web]
addresses = ["10.0.0.1"]
stacks = ["apps", "more"]
"""
_TWO_ENVIRONMENTS = """\
project = "demo"
[environments.prod]
hosts = ["web"]
[environments.stage]
hosts = ["try"]
vars = {only_stage = 1}
[hosts.web]
addresses = ["10.0.0.1"]
stacks = ["apps"]
[hosts.try]
addresses = ["10.0.0.2"]
stacks = ["apps"]
"""
_FILE = "services:\n  api:\n    image: x\n    files:\n      - {template: a.j2, target: /a}\n"

_BUILD = "services:\n  api:\n    build: box"

CASES: list[tuple[str, dict[str, str | bytes], str, str]] = [
    ("stack_called_yaml", {"stacks/more.yaml": "services: {}\n"}, "is not read", "call it more.yml"),
    (
        "stack_with_capitals",
        {"stacks/More.yml": "services: {}\n"},
        "a stack is called like its file: 'More' is not a name",
        "names are a-z, 0-9, '_', '.' and '-', at most 63, and begin with a letter or digit",
    ),
    (
        "stack_not_utf8",
        {"stacks/apps.yml": b"services:\n  api:\n    image: \xe9 # <-\n"},
        "the file is not UTF-8 text",
        "",
    ),
    ("hosts_not_utf8", {"hosts.toml": b"project = 'demo'\n# \xe9 <-\n"}, "the file is not UTF-8 text", ""),
    (
        "service_on_one_host_twice",
        {"hosts.toml": _TWO_STACKS, "stacks/more.yml": "services:\n  api: # <-\n    image: y\n"},
        "services.api: the stack 'apps' has this service too (stacks/apps.yml:2), and the host 'web' runs both",
        "a host has each service once: rename one, or split the stacks",
    ),
    (
        "port_of_two_stacks",
        {
            "hosts.toml": _TWO_STACKS,
            "stacks/apps.yml": "services:\n  api:\n    image: y\n    ports: ['80:80']\n",
            "stacks/more.yml": "services:\n  web:\n    image: y\n    ports: ['80:80'] # <-\n",
        },
        "services.web: port 80/tcp is published by api too (stacks/apps.yml:4)",
        "two containers of a host cannot hold one port: publish another, or on another address",
    ),
    (
        "network_of_two_stacks",
        {
            "hosts.toml": _TWO_STACKS,
            "stacks/apps.yml": "networks: {back: {internal: true}}\n",
            "stacks/more.yml": "networks:\n  back: # <-\n",
        },
        "networks.back: defined otherwise in stacks/apps.yml:1, and the host 'web' runs both stacks",
        "make them alike, or give one another name",
    ),
    (
        "volume_of_two_stacks",
        {
            "hosts.toml": _TWO_STACKS,
            "stacks/apps.yml": "volumes: {data: {name: old}}\n",
            "stacks/more.yml": "volumes:\n  data: {} # <-\n",
        },
        "volumes.data: defined otherwise in stacks/apps.yml:1, and the host 'web' runs both stacks",
        "make them alike, or give one another name",
    ),
    (
        "dependency_on_other_host",
        {
            "hosts.toml": _TWO_HOSTS,
            "stacks/apps.yml": "services:\n  api:\n    image: x\n    depends_on: [gate] # <-\n",
            "stacks/vpn.yml": "services:\n  gate: {image: y}\n",
        },
        "services.api.depends_on: there is no service 'gate' on the host 'web'",
        "it runs on vpn; a service depends only on services of its own host",
    ),
    (
        "dependency_in_unused_stack",
        {
            "stacks/apps.yml": "services:\n  api:\n    image: x\n    depends_on: [db] # <-\n",
            "stacks/data.yml": "services:\n  db: {image: y}\n",
        },
        "services.api.depends_on: there is no service 'db' on the host 'web'",
        "the stack 'data' has it: add that to the stacks of the host",
    ),
    (
        "variable_of_other_host",
        {
            "hosts.toml": _TWO_HOSTS,
            "stacks/vpn.yml": "services:\n  gate:\n    image: x\n    env: {PORT: '{{ vars.port }}'} # <-\n",
        },
        "services.gate.env.PORT: there is no variable 'port' on the host 'vpn'",
        "",
    ),
    (
        "variable_of_other_environment",
        {
            "hosts.toml": _TWO_ENVIRONMENTS,
            "stacks/apps.yml": "services:\n  api:\n    image: 'x:{{ vars.only_stage }}' # <-\n",
        },
        "services.api.image: there is no variable 'only_stage' on the host 'web'",
        "",
    ),
    (
        "override_of_other_environment",
        {
            "hosts.toml": _TWO_ENVIRONMENTS,
            "stacks/apps.yml": "services:\n  api:\n    image: x\n    overrides:\n      stage:\n        env: {A: '{{ vars.onlystage }}'} # <-\n",
        },
        "services.api.env.A: there is no variable 'onlystage' on the host 'try'",
        "did you mean 'only_stage'?",
    ),
    (
        "template_variable",
        {"stacks/apps.yml": _FILE, "templates/a.j2": "one\n{{ vars.domian }} <-\n"},
        "there is no variable 'domian' on the host 'web'",
        "did you mean 'domain'?",
    ),
    (
        "template_syntax",
        {"stacks/apps.yml": _FILE, "templates/a.j2": "one\n{% if x <-\n"},
        "not a template: unexpected 'end of template'",
        "",
    ),
    (
        "template_of_a_template",
        {
            "stacks/apps.yml": _FILE,
            "templates/a.j2": "{% include 'b.j2' %}\n",
            "templates/b.j2": "{{ vars.domian }} <-\n",
        },
        "there is no variable 'domian' on the host 'web'",
        "did you mean 'domain'?",
    ),
    (
        "missing_include",
        {"stacks/apps.yml": _FILE, "templates/a.j2": "{% include 'b.j3' %} <-\n", "templates/b.j2": ""},
        "there is no file templates/b.j3",
        "did you mean 'b.j2'?",
    ),
    (
        "template_not_utf8",
        {"templates/a.j2": b"\xe9", "stacks/apps.yml": _FILE},
        "a template is UTF-8 text",
        "mount bytes with source in place of template",
    ),
    (
        "template_test",
        {"stacks/apps.yml": _FILE, "templates/a.j2": "{% if vars.domain is definde %}{% endif %} <-\n"},
        "there is no test 'definde'",
        "did you mean 'defined'?",
    ),
    (
        "template_nobody_names",
        {"templates/b.j2": "{% endif %} <-\n"},
        "not a template: Encountered unknown tag 'endif'",
        "",
    ),
    (
        "build_without_dockerfile",
        {"stacks/apps.yml": _BUILD + " # <-\n", "templates/box/dockerfile": "FROM x\n"},
        "services.api.build: there is no file templates/box/Dockerfile",
        "did you mean 'box/dockerfile'?",
    ),
    (
        "build_file_twice",
        {
            "stacks/apps.yml": _BUILD + " # <-\n",
            "templates/box/Dockerfile": "",
            "templates/box/Dockerfile.j2": "",
        },
        "services.api.build: templates/box/Dockerfile and templates/box/Dockerfile.j2 would be one file of the context",
        "keep one of them",
    ),
    (
        "build_with_a_secret",
        {"stacks/apps.yml": _BUILD, "templates/box/Dockerfile.j2": "FROM x\nENV A={{ secret('a') }} <-\n"},
        "secret() cannot stand in a file of a build",
        "whoever has the image has the value; give it to the container, by env or by files",
    ),
    (
        "build_argument_with_a_secret",
        {
            "stacks/apps.yml": "services:\n  api:\n    build:\n      context: box\n"
            "      args: {A: \"{{ secret('a') }}\"} # <-\n",
            "templates/box/Dockerfile": "FROM x\n",
        },
        "services.api.build.args.A: secret() can stand only in env and in files",
        "compose.yml is read by more people than env files are; put the value into env, or into a file",
    ),
    (
        "build_variable",
        {
            "stacks/apps.yml": _BUILD,
            "templates/box/Dockerfile": "",
            "templates/box/a.j2": "{{ vars.domian }} <-\n",
        },
        "there is no variable 'domian' on the host 'web'",
        "did you mean 'domain'?",
    ),
    (
        "unused_stack",
        {"stacks/more.yml": "services:\n  web:\n    imag: x # <-\n    image: y\n"},
        "services.web: unknown key 'imag'",
        "did you mean 'image'?",
    ),
    (
        "unused_stack_dependency",
        {"stacks/more.yml": "services:\n  web:\n    image: x\n    depends_on: [apy] # <-\n"},
        "services.web.depends_on: there is no service 'apy' in any stack",
        "did you mean 'api'?",
    ),
    (
        "unused_stack_variable",
        {"stacks/more.yml": "services:\n  web:\n    image: 'x:{{ vars.tag }}' # <-\n"},
        "services.web.image: there is no variable 'tag' in the environment 'prod'",
        "known: domain",
    ),
]

"""What can be wrong in hosts.toml: (what, text, message, hint); the mark is on the line."""

from __future__ import annotations

TOP = """\
project = "demo"
"""
REST = """
[environments.prod]
hosts = ["web"]
[hosts.web]
addresses = ["10.0.0.1"]
stacks = ["apps"]
"""

CASES: list[tuple[str, str, str, str]] = [
    ("bad_toml", 'project = "demo"\nhosts = [\n[x # <-', "not TOML: Invalid value", ""),
    (
        "key_twice",
        'project = "demo"\nproject = "other" # <-\n' + REST,
        "not TOML: Cannot overwrite a value",
        "",
    ),
    (
        "unknown_top_key",
        TOP + 'colour = "red" # <-\n' + REST,
        "unknown key 'colour'",
        "known: default_environment, environments, hosts, notify, project, registries, vars",
    ),
    (
        "unknown_host_key",
        TOP + REST + 'adresses = ["10.0.0.2"] # <-\n',
        "hosts.web: unknown key 'adresses'",
        "did you mean 'addresses'?",
    ),
    (
        "unknown_environment_key",
        TOP
        + '[environments.prod]\nhosts = ["web"]\nrequire_pin = true # <-\n[hosts.web]\naddresses = ["a"]\n',
        "environments.prod: unknown key 'require_pin'",
        "did you mean 'require_pins'?",
    ),
    (
        "unknown_sudo_key",
        TOP + REST + "[hosts.web.sudo]\nengin = 'auto' # <-\n",
        "hosts.web.sudo: unknown key 'engin'",
        "did you mean 'engine'?",
    ),
    (
        "sudo_mode",
        TOP + REST + "[hosts.web.sudo]\nengine = 'allways' # <-\n",
        "hosts.web.sudo.engine: must be 'auto', 'never' or 'always'",
        "did you mean 'always'?",
    ),
    ("no_project", REST, "project is missing", ""),
    (
        "bad_project",
        'project = "De.mo" # <-\n' + REST,
        "project: 'De.mo' is not a project name",
        "Compose takes a-z, 0-9, '_' and '-', beginning with a letter or digit",
    ),
    (
        "project_number",
        "project = 5 # <-\n" + REST,
        "project: the project's name is text",
        "put it in quotes",
    ),
    (
        "unknown_host",
        TOP + '[environments.prod]\nhosts = [\n  "web",\n  "wbe", # <-\n]\n[hosts.web]\naddresses = ["a"]\n',
        "environments.prod: there is no host 'wbe'",
        "did you mean 'web'?",
    ),
    (
        "host_twice",
        TOP + '[environments.prod]\nhosts = ["web", "web"] # <-\n[hosts.web]\naddresses = ["a"]\n',
        "environments.prod.hosts: 'web' is given twice",
        "",
    ),
    (
        "host_in_two",
        TOP
        + '[environments.prod]\nhosts = ["web"]\n[environments.stage]\nhosts = ["web"] # <-\n[hosts.web]\naddresses = ["a"]\n',
        "environments.stage: the host 'web' is in the environment 'prod' already (hosts.toml:3)",
        "a host is in one environment",
    ),
    (
        "unknown_stack",
        TOP + '[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["a"]\nstacks = ["aps"] # <-\n',
        "hosts.web: there is no stack 'aps' (stacks/aps.yml)",
        "did you mean 'apps'?",
    ),
    (
        "stack_twice",
        TOP
        + '[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["a"]\nstacks = ["apps", "apps"] # <-\n',
        "hosts.web.stacks: 'apps' is given twice",
        "",
    ),
    (
        "unknown_default",
        TOP + 'default_environment = "prd" # <-\n' + REST,
        "default_environment: there is no environment 'prd'",
        "did you mean 'prod'?",
    ),
    (
        "no_addresses",
        TOP + '[environments.prod]\nhosts = ["web"]\n[hosts.web] # <-\nstacks = ["apps"]\n',
        "hosts.web: has no addresses",
        'add addresses = ["name-or-ip"], or connection = "local" for this machine',
    ),
    (
        "bad_address",
        TOP + '[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["a", "b:99999"] # <-\n',
        "hosts.web.addresses.1: 'b:99999' is not an address",
        "write host, host:port, an IPv4 address or [IPv6]:port",
    ),
    (
        "bad_v6",
        TOP + '[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = ["[10.0.0.1]:22"] # <-\n',
        "hosts.web.addresses.0: '[10.0.0.1]:22' is not an address",
        "between brackets stands an IPv6 address",
    ),
    (
        "address_text",
        TOP + '[environments.prod]\nhosts = ["web"]\n[hosts.web]\naddresses = "a" # <-\n',
        "hosts.web.addresses: must be a list",
        "",
    ),
    (
        "bad_host_key",
        TOP + REST + 'host_key = "AAAAC3Nz" # <-\n',
        "hosts.web.host_key.0: this is not a host key such as 'ssh-ed25519 AAAA…'",
        "write the type and the base64 text, as in /etc/ssh/ssh_host_ed25519_key.pub on the host",
    ),
    (
        "host_key_not_base64",
        TOP + REST + 'host_key = "ssh-ed25519 AAAA…" # <-\n',
        "hosts.web.host_key.0: the host key's second word is not base64",
        "write the type and the base64 text, as in /etc/ssh/ssh_host_ed25519_key.pub on the host",
    ),
    (
        "host_key_of_other_type",
        TOP + REST + 'host_key = "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIGJ0" # <-\n',
        "hosts.web.host_key.0: the host key says ssh-rsa, but its base64 text is of another type",
        "write the type and the base64 text, as in /etc/ssh/ssh_host_ed25519_key.pub on the host",
    ),
    (
        "bad_size",
        TOP + REST + 'memory = "8 gigs" # <-\n',
        "hosts.web.memory: '8 gigs' is not a size such as 512MiB, 512M or 2g",
        "",
    ),
    (
        "reserve_above_memory",
        TOP
        + '[environments.prod]\nhosts = ["web"]\n[hosts.web] # <-\naddresses = ["a"]\nmemory = "1g"\nreserve_memory = "1g"\n',
        "hosts.web: reserve_memory is not less than memory",
        "",
    ),
    ("overcommit", TOP + REST + "overcommit = 0.5 # <-\n", "hosts.web.overcommit: must be at least 1", ""),
    (
        "overcommit_text",
        TOP + REST + 'overcommit = "much" # <-\n',
        "hosts.web.overcommit: must be a number",
        "",
    ),
    (
        "bad_variable_name",
        TOP + '[vars]\n"my-var" = 1 # <-\n' + REST,
        "vars.my-var: 'my-var' cannot be used as vars.NAME",
        "variables are letters, digits and '_', not beginning with a digit",
    ),
    (
        "shadowed_variable_name",
        TOP + "[vars]\nitems = 1 # <-\n" + REST,
        "vars.items: a variable cannot be called 'items'",
        "in a template vars.items is a method of the mapping; choose another name",
    ),
    (
        "bad_variable_value",
        TOP + "[vars]\nlist = [1] # <-\n" + REST,
        "vars.list: a variable is text, a number or true/false",
        "",
    ),
    (
        "bad_directory",
        TOP + REST + 'directory = "/opt/../etc" # <-\n',
        "hosts.web.directory: '/opt/../etc' is not an absolute path without '..' and white space",
        "",
    ),
    (
        "directory_with_space",
        TOP + REST + 'directory = "/opt/my app" # <-\n',
        "hosts.web.directory: '/opt/my app' is not an absolute path without '..' and white space",
        "",
    ),
    (
        "relative_socket",
        TOP + REST + 'engine_socket = "docker.sock" # <-\n',
        "hosts.web.engine_socket: 'docker.sock' is not an absolute path without '..' and white space",
        "",
    ),
    (
        "connection",
        TOP + REST + 'connection = "locl" # <-\n',
        "hosts.web.connection: must be 'ssh' or 'local'",
        "did you mean 'local'?",
    ),
    (
        "bad_environment_name",
        TOP + REST + "[environments.Stage] # <-\nhosts = []\n",
        "environments.Stage: 'Stage' is not a name",
        "names are a-z, 0-9, '_', '.' and '-', at most 63, and begin with a letter or digit",
    ),
    (
        "secrets",
        TOP
        + '[environments.prod]\nhosts = ["web"]\nsecrets = "generate" # <-\n[hosts.web]\naddresses = ["a"]\n',
        "environments.prod.secrets: must be 'generated'",
        "did you mean 'generated'?",
    ),
    (
        "require_pins",
        TOP
        + '[environments.prod]\nhosts = ["web"]\nrequire_pins = "sometimes" # <-\n[hosts.web]\naddresses = ["a"]\n',
        "environments.prod.require_pins: must be true or false",
        "",
    ),
    (
        "environment_without_hosts",
        TOP + '[environments.prod] # <-\n[hosts.web]\naddresses = ["a"]\n',
        "environments.prod: hosts is missing",
        "",
    ),
    (
        "host_is_text",
        TOP + '[environments.prod]\nhosts = ["web"]\n[hosts]\nweb = "10.0.0.1" # <-\n',
        "hosts.web: must be a mapping",
        "",
    ),
    (
        "waiver_of_nothing",
        TOP
        + REST
        + '[[hosts.web.waive]] # <-\ncheck = "V-HST-0002"\nreason = "long enough"\nuntil = "2027-01-31"\n',
        "hosts.web.waive: there is no check 'V-HST-0002'",
        "did you mean 'V-HST-002'?",
    ),
    (
        "waiver_without_a_reason",
        TOP + REST + '[[hosts.web.waive]] # <-\ncheck = "V-HST-002"\nuntil = "2027-01-31"\n',
        "hosts.web.waive.0: reason is missing",
        "",
    ),
    ("latin1", TOP + '[vars]\nname = "\\xe9" # <-\n' + REST, "not TOML: Unescaped '\\' in a string", ""),
]

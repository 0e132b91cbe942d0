"""Which versions read which key of Headscale's configuration, and which end at their start with one.

Read in hscontrol/types/config.go of v0.22.3, v0.23.0, v0.24.3, v0.25.1, v0.26.1, v0.27.1, v0.28.0 and v0.29.2: whatever
viper is asked for. Versions are told by their minor number, 26 for 0.26; 22 stands for all up to 0.22.
"""

from __future__ import annotations

OLDEST, NEWEST = 22, 29
_SPANS: dict[tuple[int, int], str] = {
    (22, 29): """
    acme_email acme_url cli.address cli.api_key cli.insecure cli.timeout derp.auto_update_enabled derp.paths
    derp.server.enabled derp.server.region_code derp.server.region_id derp.server.region_name
    derp.server.stun.enabled derp.server.stun_listen_addr derp.update_frequency derp.urls
    disable_check_updates ephemeral_node_inactivity_timeout grpc_allow_insecure grpc_listen_addr listen_addr
    log.format log.level logtail.enabled metrics_listen_addr noise.private_key_path oidc.allowed_domains
    oidc.allowed_groups oidc.allowed_users oidc.client_id oidc.client_secret oidc.client_secret_path
    oidc.extra_params oidc.issuer oidc.only_start_if_oidc_is_available oidc.scope oidc.use_expiry_from_token
    server_url tls_cert_path tls_key_path tls_letsencrypt_cache_dir tls_letsencrypt_challenge_type
    tls_letsencrypt_hostname tls_letsencrypt_listen unix_socket unix_socket_permission
    """,
    (22, 22): """
    acl_policy_path db_host db_name db_pass db_path db_port db_ssl db_type db_user dns_config.base_domain
    dns_config.domains dns_config.extra_records dns_config.magic_dns dns_config.nameservers
    dns_config.override_local_dns dns_config.restricted_nameservers ip_prefixes node_update_check_interval
    private_key_path
    """,
    (22, 25): """
    oidc.strip_email_domain
    """,
    (22, 28): """
    oidc.expiry randomize_client_port
    """,
    (23, 23): """
    dns.use_username_in_magic_dns
    """,
    (23, 29): """
    database.debug database.gorm.parameterized_queries database.gorm.prepare_stmt
    database.gorm.skip_err_record_not_found database.gorm.slow_threshold
    database.postgres.conn_max_idle_time_secs database.postgres.host database.postgres.max_idle_conns
    database.postgres.max_open_conns database.postgres.name database.postgres.pass database.postgres.port
    database.postgres.ssl database.postgres.user database.sqlite.path database.sqlite.write_ahead_log
    database.type derp.server.automatically_add_embedded_derp_region derp.server.ipv4 derp.server.ipv6
    derp.server.private_key_path dns.base_domain dns.extra_records dns.magic_dns dns.nameservers.global
    dns.nameservers.split dns.search_domains policy.mode policy.path prefixes.allocation prefixes.v4
    prefixes.v6 tuning.batch_change_delay tuning.node_mapsession_buffered_chan_size
    tuning.notifier_send_timeout
    """,
    (24, 25): """
    oidc.map_legacy_users
    """,
    (24, 29): """
    database.sqlite.wal_autocheckpoint dns.extra_records_path oidc.enabled oidc.pkce.enabled
    oidc.pkce.method
    """,
    (26, 29): """
    dns.override_local_dns
    """,
    (27, 28): """
    tuning.register_cache_cleanup
    """,
    (27, 29): """
    derp.server.verify_clients tuning.batcher_workers tuning.register_cache_expiration
    """,
    (28, 29): """
    oidc.email_verified_required taildrop.enabled tuning.node_store_batch_size
    tuning.node_store_batch_timeout
    """,
    (29, 29): """
    auto_update.enabled node.ephemeral.inactivity_timeout node.expiry node.routes.ha.probe_interval
    node.routes.ha.probe_timeout trusted_proxies tuning.register_cache_max_entries
    """,
}
SPANS: dict[str, tuple[int, int]] = {key: span for span, keys in _SPANS.items() for key in keys.split()}
"""The first and the last version that reads a key; the newest that is known here stands for all later ones."""
OPEN = frozenset({"dns.nameservers.split", "dns_config.restricted_nameservers", "oidc.extra_params"})
"""Mappings whose keys are names of the operator's own."""
MOVED = {
    "acl_policy_path": "policy.path",
    "db_host": "database.postgres.host",
    "db_name": "database.postgres.name",
    "db_pass": "database.postgres.pass",
    "db_path": "database.sqlite.path",
    "db_port": "database.postgres.port",
    "db_ssl": "database.postgres.ssl",
    "db_type": "database.type",
    "db_user": "database.postgres.user",
    "dns_config.base_domain": "dns.base_domain",
    "dns_config.domains": "dns.search_domains",
    "dns_config.extra_records": "dns.extra_records",
    "dns_config.magic_dns": "dns.magic_dns",
    "dns_config.nameservers": "dns.nameservers.global",
    "dns_config.override_local_dns": "dns.override_local_dns",
    "dns_config.restricted_nameservers": "dns.nameservers.split",
    "ephemeral_node_inactivity_timeout": "node.ephemeral.inactivity_timeout",
    "ip_prefixes": "prefixes.v4 and prefixes.v6",
    "oidc.expiry": "node.expiry",
    "private_key_path": "noise.private_key_path",
    "randomize_client_port": "randomizeClientPort at the top of the policy file",
}
"""What took the place of a key."""
FATAL = {
    "dns.use_username_in_magic_dns": 24,
    "dns_config.use_username_in_magic_dns": 24,
    "oidc.map_legacy_users": 26,
    "oidc.strip_email_domain": 26,
    "oidc.expiry": 29,
    "randomize_client_port": 29,
}
"""The first version that does not start with a key, whatever its value."""
# The other keys of dns_config have successors with a default, which viper counts as set: they are read past with a warning.
FATAL_ALONE = {"acl_policy_path": 23, "dns_config.extra_records": 24}
"""The same, unless what took its place is there too."""


def is_read(key: str, minor: int) -> bool:
    """Whether a version reads a key, or what stands at it."""
    span = SPANS.get(key)
    if span is None:
        return any(key.startswith(f"{one}.") and is_read(one, minor) for one in OPEN)
    return span[0] <= max(minor, OLDEST) <= span[1] or (minor > NEWEST and span[1] == NEWEST)


def told_span(key: str) -> str:
    """In words, for a key that some version reads."""
    first, last = SPANS[key]
    if last == NEWEST:
        return f"it is read since 0.{first}"
    return f"it is read up to 0.{last}" if first == OLDEST else f"it is read from 0.{first} to 0.{last}"

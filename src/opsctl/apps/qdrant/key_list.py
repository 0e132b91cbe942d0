"""The keys of Qdrant's configuration by minor version: the fields of what `Settings` of src/settings.rs is made of, at the last
release of each minor version from 1.12 to 1.19.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

OLDEST, NEWEST = (1, 12), (1, 19)
"""What was read."""
# Where keys stand (`.` is the top of the file), then their names; a line that is indented goes on.
_ALWAYS = """
.: log_level telemetry_disabled
cluster: connection_timeout_ms enabled grpc_timeout_ms
cluster.consensus: bootstrap_timeout_sec compact_wal_entries max_message_queue_size message_timeout_ticks
    tick_period_ms
cluster.p2p: connection_pool_size enable_tls port
debugger.pyroscope: identifier password sampling_rate url user
gpu: allow_emulated allow_integrated device_filter devices force_half_precision groups_count indexing parallel_indexes
inference: address timeout token
logger: color format log_level span_events
logger.on_disk: color enabled format log_file log_level span_events
service: api_key enable_cors enable_static_content enable_tls grpc_port hardware_reporting hide_jwt_dashboard host
    http_port jwt_rbac max_request_size_mb max_workers read_only_api_key slow_query_secs static_content_dir
    verify_https_client_certificate
storage: handle_collection_load_errors mmap_advice node_type on_disk_payload recovery_mode shard_transfer_method
    snapshots_path storage_path temp_path update_concurrency update_queue_size
storage.collection: quantization replication_factor shard_number shard_number_per_node write_consistency_factor
storage.collection.strict_mode: enabled max_collection_payload_size_bytes max_collection_vector_size_bytes
    max_query_limit max_timeout read_rate_limit search_allow_exact search_max_hnsw_ef search_max_oversampling
    unindexed_filtering_retrieve unindexed_filtering_update upsert_max_batchsize write_rate_limit
storage.collection.vectors: on_disk
storage.hnsw_index: ef_construct full_scan_threshold full_scan_threshold_kb m max_indexing_threads on_disk payload_m
storage.optimizers: default_segment_number deleted_threshold flush_interval_sec indexing_threshold
    indexing_threshold_kb max_optimization_threads max_segment_size max_segment_size_kb memmap_threshold
    memmap_threshold_kb vacuum_min_vector_number
storage.optimizers_overwrite: default_segment_number deleted_threshold flush_interval_sec indexing_threshold
    indexing_threshold_kb max_optimization_threads max_segment_size max_segment_size_kb memmap_threshold
    memmap_threshold_kb vacuum_min_vector_number
storage.performance: async_scorer incoming_shard_transfers_limit max_search_threads optimizer_cpu_budget
    outgoing_shard_transfers_limit search_timeout_sec update_rate_limit
storage.snapshots_config: snapshots_storage
storage.snapshots_config.s3_config: access_key bucket endpoint_url region secret_key
storage.wal: wal_capacity_mb wal_segments_ahead
tls: ca_cert cert cert_ttl key
"""
# The minor versions 1.x that know them.
_SOMETIMES = """
<13 storage: on_disk_payload_uses_mmap on_disk_sparse_vectors_uses_mmap
<15 storage.performance: max_optimization_threads
>=13 cluster: resharding_enabled
>=13 storage.collection.strict_mode: condition_max_size filter_max_conditions max_points_count multivector_config
    sparse_config
>=13 storage.performance: optimizer_io_budget
>=14 storage: max_collections
>=15<16 storage.hnsw_index: copy_vectors
>=15 cluster: peer_id
>=15 logger.on_disk: buffer_size_bytes
>=15 storage.collection.strict_mode: max_payload_index_count
>=15 storage.hnsw_global_config: healing_threshold
>=15 storage.performance: max_optimization_runtime_threads
>=15 storage.wal: wal_retain_closed
>=16 service: metrics_prefix
>=16 storage.hnsw_index: inline_storage
>=17 audit: dir enabled max_log_files rotation trust_forwarded_headers
>=17 service: alt_api_key http_client_disconnect_timeout_sec http_client_request_timeout_sec
    http_keep_alive_timeout_sec metrics_port
>=17 storage.collection.strict_mode: search_max_batchsize
>=17 storage.optimizers: prevent_unoptimized
>=17 storage.optimizers_overwrite: prevent_unoptimized
>=17 storage.performance: max_concurrent_collection_loads max_concurrent_segment_loads max_concurrent_shard_loads
>=18<19 storage.collection.strict_mode: max_disk_usage_percent
>=18 audit: log_api
>=18 service: enable_snapshot_url_recovery enforce_internal_auth
>=18 storage: low_memory_mode
>=18 storage.collection.strict_mode: max_resident_memory_percent
>=19 storage.collection.vectors: memory
>=19 storage.hnsw_index: memory
>=19 storage.payload: memory
>=19 storage.performance: io_uring
>=19 storage.quotas: enabled max_disk_usage_percent max_resident_memory_percent release_margin_percent
"""
OPEN: tuple[str, ...] = (
    "feature_flags",
    "logger.span_events",
    "storage.collection.quantization",
    "storage.collection.strict_mode.multivector_config",
    "storage.collection.strict_mode.sparse_config",
)
"""What stands below these is not looked at."""

Versions = tuple[int, int]
"""The first minor version of 1.x that knows a key, and the first that does not know it any more."""
_EVER = (0, 1_000_000)


def _lines(text: str) -> Iterator[str]:
    yield from text.strip().replace("\n    ", " ").splitlines()


def _read() -> Iterator[tuple[str, Versions]]:
    for line in _lines(_ALWAYS):
        section, _colon, names = line.partition(": ")
        yield from ((_path(section, name), _EVER) for name in names.split())
    for line in _lines(_SOMETIMES):
        when, _blank, rest = line.partition(" ")
        section, _colon, names = rest.partition(": ")
        first, _less, end = when.removeprefix(">=").partition("<")
        versions = (int(first or 0), int(end) if end else _EVER[1])
        yield from ((_path(section, name), versions) for name in names.split())


def _path(section: str, name: str) -> str:
    return name if section == "." else f"{section}.{name}"


KEYS: Mapping[str, Versions] = dict(_read())
SECTIONS = frozenset(
    ".".join(path.split(".")[:length]) for path in KEYS for length in range(1, path.count(".") + 1)
)
"""Keys below which others stand."""


def is_open(path: str) -> bool:
    """Whether nobody here knows what may stand there."""
    return any(path == one or path.startswith(f"{one}.") for one in OPEN)


def known_keys(minor: int) -> frozenset[str]:
    """Those of one minor version of 1.x; the oldest and the newest that were read stand for what lies beyond them."""
    at = min(max(minor, OLDEST[1]), NEWEST[1])
    return frozenset(path for path, (first, end) in KEYS.items() if first <= at < end)

"""The keys of config.yaml by minor version of LiteLLM, read out of the published wheels: the program itself refuses almost none.

1.81.3, 1.89.1 and 1.109.1 (PyPI). router_settings: the arguments of `Router` without those that the proxy sets itself (a key
that is given twice is a TypeError). general_settings: the fields of `ConfigGeneralSettings` (proxy/_types.py) and every key
that the package reads of `general_settings`. litellm_settings: the attributes of the module `litellm` that are settings, and
every key that the package reads of `litellm_settings`. The top: what proxy/proxy_server.py reads of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TOP, GENERAL, LITELLM, ROUTER = "", "general_settings", "litellm_settings", "router_settings"
SECTIONS = (GENERAL, LITELLM, ROUTER)


@dataclass(frozen=True, slots=True)
class KeyList:
    """What one minor version knows, by section; TOP is the file's own mapping."""

    version: tuple[int, int]
    keys: Mapping[str, frozenset[str]]

    def after(self, version: tuple[int, int], plus: Mapping[str, str], minus: Mapping[str, str]) -> KeyList:
        """The list of a later version, by what came and what went."""
        keys = {
            section: (known | {*plus.get(section, "").split()}) - {*minus.get(section, "").split()}
            for section, known in self.keys.items()
        }
        return KeyList(version, keys)


_NONE: dict[str, frozenset[str]] = dict.fromkeys((TOP, *SECTIONS), frozenset())
_1_81 = KeyList((0, 0), _NONE).after(
    (1, 81),
    {
        TOP: """
        agent_list assistant_settings callback_settings credential_list default_vertex_config
        environment_variables files_settings finetune_settings general_settings guardrails include
        litellm_settings mcp_servers mcp_tools model_list policies policy_attachments prompts
        router_settings search_tools vector_store_registry
        """,
        GENERAL: """
        admin_only_routes alert_to_webhook_url alert_types alerting alerting_args alerting_threshold
        allow_client_side_credentials allow_requests_on_db_unavailable allow_user_auth allowed_ips
        allowed_routes background_health_checks completion_model custom_auth custom_key_generate custom_sso
        custom_ui_sso_sign_in_handler database_args database_connection_pool_limit
        database_connection_pool_timeout database_connection_timeout database_type database_url
        default_team_disabled disable_adding_master_key_hash_to_db disable_error_logs
        disable_master_key_return disable_prisma_schema_update disable_reset_budget
        disable_responses_id_security disable_retry_on_max_parallel_request_limit_error disable_spend_logs
        disable_spend_updates enable_jwt_auth enable_mcp_registry enable_oauth2_auth
        enable_oauth2_proxy_auth enable_public_model_hub enforce_rbac enforce_user_param enforced_params
        forward_client_headers_to_llm_api forward_openai_org_id global_max_parallel_requests
        health_check_details health_check_interval image_generation_model infer_model_from_keys
        key_management_settings key_management_system litellm_jwtauth litellm_key_header_name
        litellm_license master_key max_parallel_requests max_request_size_mb max_response_size_mb
        maximum_spend_logs_cleanup_cron maximum_spend_logs_retention_interval
        maximum_spend_logs_retention_period mcp_client_side_auth_header_name moderation_model
        oauth2_config_mappings otel pass_through_endpoints proxy_batch_polling_interval proxy_batch_write_at
        proxy_budget_rescheduler_max_time proxy_budget_rescheduler_min_time public_routes
        reject_clientside_metadata_tags role_permissions service_account_settings spend_report_frequency
        store_model_in_db store_prompts_in_spend_logs supported_db_objects token_rate_limit_type
        ui_access_mode use_azure_key_vault use_google_kms use_redis_transaction_buffer
        use_shared_health_check use_x_forwarded_for user_api_key_cache_ttl user_header_mappings
        user_header_name user_mcp_management_mode
        """,
        LITELLM: """
        add_function_to_prompt add_user_information_to_llm_headers ai21_key aiohttp_trust_env
        aleph_alpha_key allow_dynamic_callback_disabling allowed_fails amazon_nova_api_key anthropic_key
        api_base api_key api_version argilla_batch_size aws_sqs_callback_params azure_content_safety_params
        azure_key banned_keywords_list baseten_key blocked_user_list budget_duration bytez_key cache
        cache_params caching caching_with_models callback_settings callbacks check_provider_endpoint
        clarifai_key cloudflare_api_key cohere_key cold_storage_custom_logger cometapi_key
        common_cloud_provider_auth_params content_policy_fallbacks context_window_fallbacks
        cost_discount_config cost_margin_config custom_prometheus_metadata_labels custom_prometheus_tags
        custom_prompt_dict custom_provider_map databricks_key datadog_llm_observability_params
        datadog_params datadog_use_v1 datarobot_key default_fallbacks default_in_memory_ttl
        default_internal_user_params default_key_generate_params default_max_internal_user_budget
        default_redis_batch_cache_expiry default_redis_ttl default_soft_budget default_team_params
        default_team_settings disable_add_prefix_to_prompt disable_add_transform_inline_image_block
        disable_add_user_agent_to_request_tags disable_aiohttp_transport disable_aiohttp_trust_env
        disable_copilot_system_to_assistant disable_end_user_cost_tracking
        disable_end_user_cost_tracking_prometheus_only disable_hf_tokenizer_download
        disable_stop_sequence_limit disable_streaming_logging disable_token_counter drop_params
        dynamodb_table_name email enable_azure_ad_token_refresh
        enable_caching_on_provider_specific_optional_params enable_end_user_cost_tracking_prometheus_only
        enable_json_schema_validation enable_loadbalancing_on_batch_endpoints enable_preview_features
        error_logs extra_spend_tag_headers failure_callback fallbacks filter_invalid_headers force_ipv4
        forward_traceparent_to_llm_provider gcs_pub_sub_use_v1 generic_api_use_v1 generic_logger_headers
        gigachat_key global_bitbucket_config global_disable_no_log_param global_gitlab_config
        global_prompt_directory google_moderation_confidence_threshold gradient_ai_api_key groq_key
        guardrails headers heroku_key huggingface_key include_cost_in_streaming_usage infinity_key
        input_callback internal_user_budget_duration json_logs key_generation_settings langfuse_default_tags
        langsmith_batch_size lemonade_key litellm_mode llama_api_key llamaguard_model_name
        llamaguard_unsafe_content_categories llm_guard_mode log_level log_raw_request_response
        logged_real_time_event_types logging longer_context_model_fallback_dict maritalk_key max_budget
        max_end_user_budget max_end_user_budget_id max_fallbacks max_internal_user_budget max_tokens
        max_ui_session_budget max_user_budget mcp_aliases model_alias_map model_cost_map_url model_fallbacks
        model_group_settings modify_params nebius_key nlp_cloud_key novita_api_key num_retries
        num_retries_per_request ollama_key openai_key openai_like_key openai_moderations_model_name
        openrouter_key organization output_parse_pii ovhcloud_key post_call_rules pre_call_rules
        predibase_key predibase_tenant_id presidio_ad_hoc_recognizers presidio_logging_only
        priority_reservation priority_reservation_settings project prometheus_initialize_budget_metrics
        prometheus_metrics_config prompt_injection_params public_agent_groups public_mcp_servers
        public_model_groups public_model_groups_links reasoning_auto_summary redact_messages_in_exceptions
        redact_user_api_key_info replicate_key request_timeout require_auth_for_metrics_endpoint responses
        retry return_response_headers s3_callback_params safe_memory_mode sap_service_key scim_upsert_user
        service_callback set_verbose snowflake_key ssl_certificate ssl_ecdh_curve ssl_security_level
        ssl_verify store_audit_logs success_callback suppress_debug_info tag_budget_config telemetry
        timezone togetherai_api_key token turn_off_message_logging upperbound_key_generate_params
        use_aiohttp_transport use_client use_litellm_proxy vercel_ai_gateway_key vertex_ai_safety_settings
        vertex_credentials vertex_location vertex_project wandb_key websearch_interception_params
        """,
        ROUTER: """
        alerting_config allowed_fails allowed_fails_policy cache_kwargs cache_responses caching_groups
        client_ttl content_policy_fallbacks context_window_fallbacks cooldown_time debug_level
        default_fallbacks default_litellm_params default_max_parallel_requests default_priority
        disable_cooldowns enable_pre_call_checks enable_tag_filtering fallbacks guardrail_list max_fallbacks
        model_group_alias model_group_retry_policy num_retries optional_pre_call_checks polling_interval
        provider_budget_config redis_host redis_password redis_port redis_url retry_after retry_policy
        routing_strategy routing_strategy_args set_verbose stream_timeout tag_filtering_match_any timeout
        """,
    },
    {},
)
_1_89 = _1_81.after(
    (1, 89),
    {
        TOP: "worker_registry",
        GENERAL: """
        alert_type_config allow_public_health_readiness_details always_include_stream_usage
        auto_redirect_ui_login_to_sso control_plane_url custom_auth_run_common_checks custom_key_update
        database_connect_timeout database_disable_prepared_statements database_extra_connection_params
        database_socket_timeout disable_batch_input_file_rate_limiting disable_budget_reservation
        disable_key_generate_for_org_admin drain_endpoint_token enable_drain_endpoint
        enable_health_check_routing forward_llm_provider_auth_headers health_check_concurrency
        health_check_ignore_transient_errors health_check_skip_disabled_background_models
        health_check_staleness_threshold mcp_internal_ip_ranges mcp_required_fields mcp_trusted_proxy_ranges
        passthrough_managed_object_ids require_end_user_mcp_access_defined search_tools
        skip_batch_input_file_rate_limiting_for_models skip_batch_input_file_rate_limiting_for_providers
        trusted_proxy_ranges use_legacy_interactions_schema
        """,
        LITELLM: """
        anthropic_beta_headers_url audit_log_callbacks blog_posts_url compression_interception_params
        default_key_max_budget_alert_emails default_mcp_sampling_model
        disable_anthropic_gemini_context_caching_transform disable_vertex_batch_output_transformation
        enable_gemini_default_thinking_level_low enable_key_alias_format_validation
        enable_model_config_credential_overrides enable_post_custom_auth_checks enable_redis_auth_cache
        forward_llm_provider_auth_headers gemini_live_defer_setup inception_key mcp_semantic_tool_filter
        network_mock prometheus_emit_stream_label prometheus_end_user_metrics_cleanup_interval_seconds
        prometheus_end_user_metrics_max_series_per_metric prometheus_end_user_metrics_ttl_seconds
        prometheus_latency_buckets prometheus_user_budget_label_include_email_alias
        provider_url_destination_allowed_hosts proxy_auth public_mcp_hub_strict_whitelist
        route_all_chat_openai_to_responses s3_audit_callback_params skip_system_message_in_guardrail
        skip_tool_message_in_guardrail standard_logging_payload_excluded_fields
        use_chat_completions_url_for_anthropic_messages use_legacy_interactions_schema
        user_url_allowed_hosts user_url_validation validate_end_user_id_in_db xai_key
        """,
        ROUTER: """
        deployment_affinity_ttl_seconds enable_health_check_routing enable_weighted_failover
        health_check_ignore_transient_errors health_check_staleness_threshold model_group_affinity_config
        redis_db routing_groups
        """,
    },
    {
        GENERAL: "disable_adding_master_key_hash_to_db",
    },
)
_1_109 = _1_89.after(
    (1, 109),
    {
        TOP: "agents sandbox_tools",
        GENERAL: """
        accounting_capture accounting_sync_ack accounting_sync_ack_failure_policy
        accounting_sync_ack_timeout_seconds admission_queue_timeout_seconds agent_access_default_deny
        allow_cli_sso_verification_uri_complete allow_unmanaged_response_ids allowed_file_extensions
        apply_user_budget_to_team_keys background_health_check_model_groups blocked_file_extensions
        cancel_on_disconnect claude_code_gateway_managed_settings claude_code_marketplace_auth_required
        coordination_redis custom_key_policy custom_team_metadata_validate
        dangerously_permit_weak_or_unset_master_key database_max_idle_connection_lifetime
        disable_auto_add_proxy_admin_to_teams disable_bedrock_agent_runtime_passthrough
        disable_custom_api_keys disable_env_credential_login disable_fallbacks_on_per_model_rate_limits
        disable_model_info_refresh disable_password_login_when_sso_enabled disable_pre_routing_error_logs
        disable_requester_ip_address_logging enable_claude_code_gateway enable_openai_websocket_passthrough
        enforce_fallback_model_access expose_fallback_errors_to_caller fail_closed_budget_enforcement
        fail_closed_rate_limit_enforcement failed_login_block_seconds failed_login_window_seconds
        hide_default_credentials_hint include_call_id_in_error_body max_batch_file_records
        max_batch_file_size_mb max_batch_file_uploads_per_day max_failed_login_attempts_per_source
        max_failed_login_attempts_per_source_overrides max_file_downloads_per_minute max_file_size_mb
        max_in_flight_requests_per_worker max_queued_requests_per_worker
        maximum_autorouter_session_retention_period maximum_daily_tag_spend_retention_period
        maximum_health_check_retention_period maximum_spend_logs_cleanup_batch_size
        maximum_spend_logs_cleanup_batch_timeout maximum_spend_logs_cleanup_max_batches
        maximum_spend_logs_cleanup_run_budget maximum_spend_logs_cleanup_target_size maximum_spend_logs_size
        maximum_spend_logs_size_check_interval mcp_advertised_versions mcp_allow_all_keys_respects_mcp_scope
        mcp_allowed_clients mcp_client_id_header mcp_disabled_capabilities
        mcp_prefer_client_id_metadata_document mcp_require_explicit_server_scope mcp_session_token_signing
        mcp_xff_num_trusted_hops missing_session_id model_list_healthy_only pass_through_request_timeout
        password_policy_check_breached_passwords password_policy_min_length
        password_policy_require_lowercase password_policy_require_numbers
        password_policy_require_special_characters password_policy_require_uppercase plugins
        provider_url_destination_allowed_hosts proxy_config_reload_interval_seconds request_tag_mappings
        require_key_mcp_access_defined responses_websocket_session_limit_seconds return_wildcard_routes
        scheduled_job_stagger search_tool_deny_by_default self_serve_budget_policy spend_capture_rate_check
        spend_logs_metadata_fields team_metadata_schema team_metadata_validation_error_message
        team_metadata_validation_timeout tracing track_unmanaged_batch_cost transcribe_media_buckets
        use_spend_logs_partitioning use_team_public_model_name user_api_key_cache_max_size
        user_url_allowed_hosts user_url_validation vector_store_deny_by_default
        vertex_ai_pass_through_drop_anthropic_betas
        """,
        LITELLM: """
        agent_search_embedding_model anthropic_messages_estimate_initial_input_tokens
        anthropic_prompt_caching_ttl anthropic_sse_ping_interval_seconds apply_search_free_tier
        autorouter_presets_url batch_line_item_callbacks bedrock_neutralize_orphaned_tool_blocks
        bedrock_request_metadata_fields block_requests_for_models_without_pricing
        budget_exceeded_status_code budget_exceeded_throttle_percentage budget_reset_time budget_rollover
        code_interpreter_interception_params enable_anthropic_prompt_caching enable_jwt_auth
        expose_router_debug_in_errors force_redis_hash_tag_grouping gdc_api_base gdc_key
        gemini_include_thoughts_default http2 key_alias_pattern langfuse_enable_update_trace_keys
        litellm_jwtauth log_auth_failure_key_identity log_client_error_tracebacks mcp_tool_search
        newrelic_params openai_system_messages_first otel_tenant_destination_mode
        overwrite_user_with_key_hash personal_key_model_access_from_teams pointfive_params
        prometheus_deployment_and_latency_caller_identity prometheus_emit_input_sequence_length_label
        prometheus_emit_rate_limit_labels prometheus_exclude_labels prometheus_exclude_metrics
        prometheus_metrics_cleanup_interval_seconds prometheus_metrics_max_series_per_metric
        prometheus_metrics_ttl_seconds public_skills_index reasoning_effort_rounding
        request_correlation_in_logs require_managed_files scim_admin_group skill_search_embedding_model
        sse_keepalive_ping_interval_seconds strip_anthropic_total_tokens suppress_startup_output
        vector_store_search_failure_mode zerobus_params
        """,
        ROUTER: """
        background_health_check_model_groups enable_mid_stream_fallback_continuation
        fallback_on_unsupported_params plugins session_affinity_repin_on_failover tag_routing_prefix
        """,
    },
    {
        GENERAL: "use_legacy_interactions_schema",
        LITELLM: "telemetry use_legacy_interactions_schema",
    },
)
LISTS = (_1_81, _1_89, _1_109)
"""The oldest first."""

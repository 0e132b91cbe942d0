"""Everything that is only wrong between files: one pass over all hosts and all stacks."""

from __future__ import annotations

from opsctl.inputs.database_checks import check_databases
from opsctl.inputs.dependency_checks import check_dependencies
from opsctl.inputs.draft import Draft
from opsctl.inputs.host_checks import check_together
from opsctl.inputs.host_names import check_host_names
from opsctl.inputs.own_check_checks import check_own_checks
from opsctl.inputs.scopes import scopes
from opsctl.inputs.service_checks import check_resource_labels, check_service, check_service_names
from opsctl.inputs.site_checks import check_sites
from opsctl.inputs.template_checks import TemplateChecks
from opsctl.inputs.waiver_checks import check_host_waivers, check_waivers


def crosscheck(draft: Draft, *, hosts_known: bool) -> None:
    """Add a problem to the draft for each thing that does not fit. `hosts_known`: whether hosts.toml could be read."""
    if hosts_known:
        check_host_names(draft)
        check_host_waivers(draft)
        check_sites(draft)
    templates = TemplateChecks(draft)
    for scope in scopes(draft):
        check_service_names(scope)
        check_resource_labels(scope)
        for member in scope.members():
            check_service(scope, member)
            check_databases(scope, member)
            check_own_checks(scope, member)
            check_waivers(scope, member)
        check_dependencies(scope)
        check_together(scope)
        if hosts_known:
            templates.check(scope)
    templates.check_unused()

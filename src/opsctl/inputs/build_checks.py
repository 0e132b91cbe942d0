"""What is wrong with the build of a service: folders and Dockerfiles that are not there, files that are there twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opsctl.inputs.scopes import Member, Scope
from opsctl.model.nearest import nearest


def check_build(scope: Scope, member: Member) -> None:
    build, known = member.service.build, scope.draft.templates
    if build is None:
        return
    lead = f"services.{member.name}.build"
    names = {name for name in known if name.startswith(f"{build.context}/")}
    if not names:
        folders = {name.rpartition("/")[0] for name in known} - {""}
        message = f"{lead}: there is no folder templates/{build.context}"
        scope.draft.add(scope.place(member, "build", "context"), message, nearest(build.context, folders))
        return
    file = f"{build.context}/{build.dockerfile}"
    if not names & {file, f"{file}.j2"}:
        message = f"{lead}: there is no file templates/{file}"
        scope.draft.add(scope.place(member, "build", "dockerfile"), message, nearest(file, names))
    for name in sorted(names):
        if f"{name}.j2" in names:
            message = f"{lead}: templates/{name} and templates/{name}.j2 would be one file of the context"
            scope.draft.add(scope.place(member, "build", "context"), message, "keep one of them")


def rendered_files(names: Iterable[str], context: str) -> Iterator[str]:
    """The files of a context that are templates, among all names below templates/."""
    return (name for name in names if name.startswith(f"{context}/") and name.endswith(".j2"))

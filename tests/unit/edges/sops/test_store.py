"""The store: what it tells, what it gives, and what a change does to the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.edges.sops.oracle import Person, Sops
from tests.unit.edges.sops.stores import NOW, pending, setting, store_of

from opsctl.edges.ports import SecretStore, VersionedStore
from opsctl.edges.sops.document import parse, unlock
from opsctl.edges.sops.store import SopsStore
from opsctl.errors import NoKey, Refused, StoreUnusable, Tampered, UsageError
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets.versions import Edit, finished


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "prod.sops.yaml"


@pytest.fixture
def store(path: Path, ann: Person) -> SopsStore:
    store = store_of(path, ann)
    store.create({"ann": ann.recipient})
    return store


def ciphertexts(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text().splitlines() if line.strip().startswith("value: ENC[")]


def test_a_value_comes_back_by_name_and_version(store: SopsStore, path: Path, ann: Person) -> None:
    store.change(setting("db", "hunter1"))
    store.change(setting("db", "hunter2"))
    store.change(setting("token", "ünï\n😀"))

    for one in (store, store_of(path, ann)):
        assert one.get("db") == one.value("db") == one.value("db", "v2") == "hunter2"
        assert one.value("db", "v1") == "hunter1"
        assert one.get("token") == "ünï\n😀"
        assert one.names() == {"db", "token"}
    assert "hunter" not in path.read_text()


def test_what_is_not_there_is_said_with_the_way_to_mend_it(store: SopsStore, path: Path, ann: Person) -> None:
    with pytest.raises(UsageError, match="no secret db in prod") as missing:
        store.get("db")
    assert missing.value.hint == "opsctl secrets set db -e prod"
    store.change(setting("db", "x"))
    with pytest.raises(UsageError, match="has no version v9") as version:
        store.value("db", "v9")
    assert version.value.hint == "there are: v1"

    asks: list[Callable[[SopsStore], object]] = [
        lambda one: one.get("db"),
        lambda one: one.names(),
        lambda one: one.describe(),
        lambda one: one.change(setting("db", "x")),
    ]
    for ask in asks:
        with pytest.raises(StoreUnusable, match="prod has no secret store") as none:
            ask(store_of(path.with_name("other.yaml"), ann))
        assert none.value.hint == "opsctl secrets init prod"
        assert none.value.where == "secrets/other.yaml"


def test_a_pending_version_is_no_current_one(store: SopsStore) -> None:
    store.change(pending("db", "hunter1"))

    with pytest.raises(UsageError, match="has only a pending version") as refused:
        store.get("db")
    assert refused.value.hint == "opsctl rotate-secret db -e prod --resume, or --abort"
    assert store.value("db", "v1") == "hunter1"

    def edit(file: StoreFile) -> Edit:
        return Edit(file.model_copy(update={"secrets": {"db": finished(file.secrets["db"], now=NOW)}}))

    store.change(edit)
    assert store.get("db") == "hunter1"


def test_a_secret_without_any_version_has_no_value(store: SopsStore) -> None:
    store.change(lambda file: Edit(file.model_copy(update={"secrets": {"db": Secret()}})))

    with pytest.raises(UsageError, match="db in prod has no current version") as refused:
        store.get("db")
    assert refused.value.hint == "opsctl secrets set db -e prod"


def test_the_login_name_is_the_versions_else_the_targets(store: SopsStore) -> None:
    store.change(setting("a", "x", target={"role": "app"}))
    store.change(setting("b", "x", target={"user": "admin"}))
    store.change(setting("c", "x"))
    file = store.describe()
    version = file.secrets["a"].versions["v1"].model_copy(update={"login": "app_b"})
    secret = file.secrets["a"].model_copy(update={"versions": {"v1": version}})

    assert store.login("a") == "app"
    assert store.login("b") == "admin"
    store.change(lambda file: Edit(file.model_copy(update={"secrets": {**file.secrets, "a": secret}})))
    assert store.login("a") == "app_b"
    with pytest.raises(UsageError, match="the secret c in prod has no login name"):
        store.login("c")
    with pytest.raises(UsageError, match="no secret d in prod"):
        store.login("d")


def test_everything_but_the_values_is_told_without_a_key(
    store: SopsStore, path: Path, ann: Person, bob: Person
) -> None:
    after = store.change(
        setting("db", "hunter1", target={"role": "app"}, keep=5, rotate_every="90d", note="2026-01-01")
    )
    stranger = store_of(path, bob)

    assert stranger.describe() == after == store.describe()
    assert after.secrets["db"].rotate_every == 90 * 86400
    assert after.recipients == {"ann": ann.recipient}
    assert stranger.names() == {"db"}
    assert stranger.recipients() == (ann.recipient,)
    for ask in (stranger.get, stranger.login):
        with pytest.raises(NoKey):
            ask("db")


def test_a_change_leaves_the_ciphertexts_and_words_of_others_alone(store: SopsStore, path: Path) -> None:
    store.change(setting("db", "hunter1"))
    store.change(setting("token", "abc"))
    path.write_text(path.read_text().replace("    db:\n", "    # the database's\n    db: # ask ann\n"))
    before = path.read_text()

    store.change(setting("token", "abc2"))

    assert ciphertexts(path)[0] in before
    assert {line for line in before.splitlines() if "ENC[" in line and "mac" not in line} < set(
        path.read_text().splitlines()
    )
    assert "    # the database's\n    db: # ask ann\n" in path.read_text()


def test_what_is_spelled_otherwise_stays_so_until_it_changes(
    store: SopsStore, path: Path, ann: Person
) -> None:
    """Two weeks are `14d` as opsctl writes them; a change of something else is no reason to touch them."""
    store.change(setting("db", "x", rotate_every="14d"))
    unlocked = unlock(parse(path.read_bytes(), "x.yaml"), ann.identities)
    unlocked.set(("secrets", "db", "rotate_every"), "2w")
    path.write_bytes(unlocked.dump(NOW))

    store.change(setting("token", "y"))
    assert 'rotate_every: "2w"\n' in path.read_text()

    rarer = store.describe().secrets["db"].model_copy(update={"rotate_every": 30 * 86400.0})
    store.change(lambda file: Edit(file.model_copy(update={"secrets": {**file.secrets, "db": rarer}})))
    assert 'rotate_every: "30d"\n' in path.read_text()


def test_no_change_writes_nothing(store: SopsStore, path: Path) -> None:
    store.change(setting("db", "x"))
    before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino

    store.change(Edit)

    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_an_edit_that_refuses_leaves_the_file_alone(store: SopsStore, path: Path) -> None:
    store.change(pending("db", "x"))
    before = path.read_bytes()

    with pytest.raises(Refused):
        store.change(setting("db", "y"))

    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name]


def test_an_edit_of_a_version_must_bring_its_value(store: SopsStore, path: Path) -> None:
    before = path.read_bytes()

    with pytest.raises(StoreUnusable, match=r"secrets\.db\.versions\.v1 has no value"):
        store.change(lambda file: Edit(setting("db", "x")(file).file))
    with pytest.raises(ValueError, match="a value for a version that is not there"):
        store.change(lambda file: Edit(setting("db", "x")(file).file, {("db", "v7"): "x"}))
    with pytest.raises(ValueError, match="rewrap and rekey"):
        store.change(lambda file: Edit(file.model_copy(update={"recipients": {}})))

    assert path.read_bytes() == before


def test_what_is_removed_is_gone_with_its_values(store: SopsStore, path: Path) -> None:
    store.change(setting("db", "x"))
    store.change(setting("token", "y"))
    kept = ciphertexts(path)[1]

    store.change(lambda file: Edit(file.model_copy(update={"secrets": {"token": file.secrets["token"]}})))

    assert ciphertexts(path) == [kept]
    assert "db:" not in path.read_text()
    store.change(lambda file: Edit(file.model_copy(update={"secrets": {}})))
    assert store.describe().secrets == {}
    store.change(setting("db", "again"))
    assert store.get("db") == "again"


def test_another_writers_change_is_seen_at_once(store: SopsStore, path: Path, ann: Person) -> None:
    store.change(setting("db", "one"))
    assert store.get("db") == "one"

    store_of(path, ann).change(setting("db", "two"))

    assert store.get("db") == "two"
    store.change(setting("token", "x"))
    assert store.get("db") == "two"


def test_recipients_and_their_names_change_together(
    store: SopsStore, path: Path, ann: Person, bob: Person
) -> None:
    store.change(setting("db", "hunter1"))
    both = {"ann": ann.recipient, "bob": bob.recipient}
    before = ciphertexts(path)

    assert store.rewrap(both).recipients == both
    assert ciphertexts(path) == before
    assert store_of(path, bob).get("db") == "hunter1"

    assert store_of(path, bob).rekey({"bob": bob.recipient}).recipients == {"bob": bob.recipient}
    assert ciphertexts(path) != before
    assert store_of(path, bob).get("db") == "hunter1"
    with pytest.raises(NoKey):
        store_of(path, ann).get("db")

    again = ciphertexts(path)
    store_of(path, bob).rekey()
    assert ciphertexts(path) != again
    assert store_of(path, bob).describe().recipients == {"bob": bob.recipient}


def test_a_new_key_and_a_change_are_one_write(store: SopsStore, path: Path, ann: Person, bob: Person) -> None:
    store.change(setting("db", "hunter1"))
    before = path.read_bytes()
    seen: list[bytes] = []

    def edit(file: StoreFile) -> Edit:
        assert file.recipients == {"bob": bob.recipient}
        seen.append(path.read_bytes())
        return setting("db", "hunter2")(file)

    after = store.rekey({"bob": bob.recipient}, edit=edit)
    assert seen == [before]
    assert (after.recipients, after.secrets["db"].current) == ({"bob": bob.recipient}, "v2")
    assert store_of(path, bob).get("db") == "hunter2"
    assert store_of(path, bob).value("db", "v1") == "hunter1"


def test_a_change_that_is_refused_leaves_the_key_as_it_was(store: SopsStore, path: Path, bob: Person) -> None:
    store.change(setting("db", "hunter1"))
    before = path.read_bytes()

    def refuse(_file: StoreFile) -> Edit:
        raise Refused("no")

    with pytest.raises(Refused):
        store.rekey({"bob": bob.recipient}, edit=refuse)
    assert path.read_bytes() == before


@pytest.mark.sops
def test_a_recipient_that_nobody_named_is_found_before_anything_is_written_for_it(
    store: SopsStore, path: Path, ann: Person, bob: Person, sops: Sops
) -> None:
    """SOPS' own section is not covered by the check sum: who can write the file can add a key to it."""
    store.change(setting("db", "hunter1"))
    path.write_bytes(
        sops.changed(path.read_bytes(), "rotate", "--in-place", "--add-age", bob.recipient, "oracle.yaml")
    )
    assert store.get("db") == "hunter1"

    writes: list[Callable[[], object]] = [lambda: store.change(setting("db", "hunter2")), store.rekey]
    for write in writes:
        with pytest.raises(
            StoreUnusable, match=f"encrypted for {bob.recipient}, whom `recipients` does not name"
        ):
            write()
    store.rekey({"ann": ann.recipient})
    with pytest.raises(NoKey):
        store_of(path, bob).get("db")

    path.write_bytes(sops.changed(path.read_bytes(), "rotate", "--in-place", "--add-age", bob.recipient, "--rm-age", ann.recipient, "oracle.yaml"))  # fmt: skip
    with pytest.raises(StoreUnusable, match="encrypted for"):
        store_of(path, bob).change(setting("db", "hunter2"))


def test_a_store_is_made_once(store: SopsStore, path: Path, ann: Person) -> None:
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o644

    with pytest.raises(UsageError, match="prod has a secret store already"):
        store.create({"ann": ann.recipient})

    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name]


@pytest.mark.parametrize(
    "recipients, message",
    [({}, "nobody could open it"), ({"ann": "age1x"}, "'age1x' is not a recipient"), ({"Ann B": "age1x"}, "a recipient's name")],
)  # fmt: skip
def test_a_store_for_nobody_is_not_made(
    path: Path, ann: Person, recipients: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        store_of(path, ann).create(recipients)
    assert not path.parent.exists()


SHAPES = [
    ("class: provider", "clas: provider", "secrets.db.clas is a key that a store does not have", 5),
    ("class: provider", "class: providr", "secrets.db.class must be 'regenerate', 'database'", 5),
    ("class: provider", "class: provider\n        keep: '0'", "secrets.db.keep is refused", 6),
    ("            v1:", "            w1:", "secrets.db.versions.w1 is refused: 'w1' is not a version", 7),
    ("                stage: current\n", "", "secrets.db.versions.v1.stage is missing", 7),
    ('                created: "', '                created: "x', "secrets.db.versions.v1.created is refused", 9),
    ("    db:", "    Db:", "secrets.Db is refused: 'Db' is not a name", 4),
    ("                value: ", "                valu: ", "secrets.db.versions.v1 has no value", 7),
    ("encrypted_regex: ^value$", "encrypted_regex: ^(value)$", "no store of opsctl", 0),
    ("encrypted_regex: ^value$", "encrypted_regex: ^value$\n    mac_only_encrypted: true", "no store of opsctl", 0),
]  # fmt: skip


@pytest.mark.parametrize("old, new, message, line", SHAPES)
def test_a_file_of_another_shape_is_refused_with_its_line(  # noqa: PLR0917 two fixtures and a row of the table
    store: SopsStore, path: Path, old: str, new: str, message: str, line: int
) -> None:
    store.change(setting("db", "x"))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))

    with pytest.raises(StoreUnusable) as refused:
        store.describe()

    assert message in refused.value.message
    assert refused.value.where == "secrets/prod.sops.yaml" + (f":{line}" if line else "")
    assert refused.value.hint


def test_a_tampered_store_gives_and_takes_nothing(store: SopsStore, path: Path) -> None:
    store.change(setting("db", "x"))
    path.write_text(path.read_text().replace("class: provider", "class: database"))
    before = path.read_bytes()

    assert store.describe().secrets["db"].class_ == "database"
    for ask in (lambda: store.get("db"), lambda: store.login("db"), lambda: store.change(setting("db", "y"))):
        with pytest.raises(Tampered):
            ask()
    assert path.read_bytes() == before


@pytest.mark.sops
@pytest.mark.parametrize(
    "value, text",
    [("text", "text"), (5, "5"), (-7, "-7"), (2**53 - 1, str(2**53 - 1)), (10**21, None), (1.5, None), (True, None)],
)  # fmt: skip
def test_what_sops_set_is_taken_as_text_or_refused(
    store: SopsStore, path: Path, sops: Sops, value: object, text: str | None
) -> None:
    store.change(setting("db", "x"))
    path.write_bytes(sops.with_set(path.read_bytes(), ["secrets", "db", "versions", "v1", "value"], value))

    if text is not None:
        assert store.get("db") == text
        return
    with pytest.raises(StoreUnusable, match="the value of db v1 is not text") as refused:
        store.get("db")
    assert str(value) not in str(refused.value)


@pytest.mark.sops
def test_a_store_is_what_sops_says_it_is(store: SopsStore, path: Path, sops: Sops) -> None:
    store.change(setting("db", "hunter1", target={"role": "app"}, keep=5, note="yes"))
    store.change(setting("db", "hunter2"))

    told = sops.decrypted(path.read_bytes())

    assert told["secrets"]["db"]["versions"]["v2"]["value"] == "hunter2"
    assert told["secrets"]["db"]["keep"] == "5"
    assert told["secrets"]["db"]["note"] == "yes"
    assert told["secrets"]["db"]["versions"]["v1"]["created"] == "2023-11-14T22:13:20Z"


def test_it_shows_no_value(store: SopsStore) -> None:
    store.change(setting("db", "canary-value"))
    assert store.get("db") == "canary-value"

    assert "canary-value" not in f"{store!r} {store} {store._open!r} {store._open and store._open[1]._tree}"


def test_the_reference_names_every_key() -> None:
    text = (Path(__file__).parents[4] / "docs" / "reference" / "secret-store.md").read_text(encoding="utf-8")
    keys = {field.alias or name for model in (Secret, Version) for name, field in model.model_fields.items()}

    assert not {key for key in keys - {"versions"} if f"`{key}`" not in text}


def _it_implements_the_port(store: SopsStore) -> tuple[SecretStore, VersionedStore]:
    """Checked by mypy; never called."""
    return store, store

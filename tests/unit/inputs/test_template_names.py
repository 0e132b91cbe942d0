"""The names in a text are those that Jinja itself would look up."""

from __future__ import annotations

import jinja2
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import meta

from opsctl.inputs.template_names import Reader
from opsctl.render.templating import Templates

NAMES = st.sampled_from(["vars", "host", "a", "b", "range", "secret", "loop"])
EXPRESSIONS = st.recursive(
    NAMES | st.sampled_from(["1", "'x'", "true"]),
    lambda inner: st.one_of(
        inner.map("{}.key".format),
        inner.map("({} | upper)".format),
        inner.map("({} is none)".format),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} ~ {pair[1]})"),
        st.tuples(NAMES, inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
    ),
    max_leaves=4,
)
PARTS = st.one_of(
    EXPRESSIONS.map("{{{{ {} }}}}".format),
    st.tuples(EXPRESSIONS, EXPRESSIONS).map(
        lambda pair: f"{{% if {pair[0]} %}}{{{{ {pair[1]} }}}}{{% endif %}}"
    ),
    st.tuples(NAMES, EXPRESSIONS).map(lambda pair: f"{{% set {pair[0]} = {pair[1]} %}}"),
    st.tuples(NAMES, EXPRESSIONS, EXPRESSIONS).map(
        lambda three: f"{{% for {three[0]} in {three[1]} %}}{{{{ {three[2]} }}}}{{% endfor %}}"
    ),
    st.tuples(NAMES, EXPRESSIONS).map(
        lambda pair: f"{{% macro m({pair[0]}) %}}{{{{ {pair[1]} }}}}{{% endmacro %}}"
    ),
)


@given(st.lists(PARTS, max_size=4).map("".join))
def test_names_from_outside_are_those_that_jinja_does_not_find_inside(text: str) -> None:
    jinja = Templates({}).jinja
    try:
        expected = meta.find_undeclared_variables(jinja.parse(text))
    except (jinja2.TemplateSyntaxError, jinja2.UndefinedError):
        return

    read = {named.name for named in Reader({}).read(text).names if named.owner == ""}

    assert read == expected


def test_a_constant_that_is_looked_into_is_an_error_of_the_text() -> None:
    """Jinja evaluates constants while it compiles."""
    read = Reader({}).read("{% for a in hosts %}{{ 1.key ~ a }}{% endfor %}")

    assert read.error == (1, "'int object' has no attribute 'key'")

"""A program under memdiag behaves as under plain ``python``."""

import pytest

pytest.register_assert_rewrite("tests.integration.transparency.comparing")

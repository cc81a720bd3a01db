import pytest

from churn.errors import SettingsError
from churn.settings import DRIFT_RANGES, DriftSettings, read_settings
from churn.settings.bearer import PLACEHOLDER_TOKEN


def test_defaults_are_the_documented_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings.model_name == "churn_model_v1"
    assert settings.log_level == "info"
    assert settings.home == tmp_path
    assert settings.poll_seconds == 2.0
    assert settings.monitoring_token is None
    assert settings.alert_url is None
    assert settings.registry_folder == tmp_path / "registry"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("MODEL_NAME", "../evil", "a-z, 0-9"),
        ("MODEL_NAME", "a:b", "a-z, 0-9"),
        ("MODEL_NAME", "x" * 64, "1 to 63"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("CHURN_HOME", "/no/such/folder", "a folder that exists"),
        ("CHURN_POLL_SECONDS", "soon", "a number of seconds from 0.05 to 3600"),
        ("CHURN_POLL_SECONDS", "0", "a number of seconds from 0.05 to 3600"),
        ("CHURN_POLL_SECONDS", "nan", "a number of seconds from 0.05 to 3600"),
        ("CHURN_DRIFT_ALPHA", "1", "a number from 1e-09 to 0.5"),
        ("CHURN_DRIFT_SHARE", "2 %", "a number from 0.001 to 1"),
        ("CHURN_DRIFT_MIN_ROWS", "99.5", "a whole number from 2 to 1000000000"),
        ("CHURN_WORKERS", "9" * 400, "a whole number"),
        ("CHURN_WORKERS", "1_0", "a whole number"),
        ("CHURN_WORKERS", "\N{ARABIC-INDIC DIGIT TWO}", "a whole number"),
        ("CHURN_JOURNAL_MAX_BYTES", "1000", "a whole number from 67108864 to 549755813888"),
        ("CHURN_JOURNAL_BATCH_SHARE", "1.5", "a number from 0 to 1"),
        ("CHURN_HOME", "x" * 300, "a folder that exists"),
        ("CHURN_CORS_ORIGINS", "https://a.example/", "no slash at the end"),
        ("CHURN_CORS_ORIGINS", "https://A.example", "as browsers send them"),
        ("CHURN_CORS_ORIGINS", "https://a.example:443", "as browsers send them"),
        ("CHURN_CORS_ORIGINS", "a.example", "https://app.example"),
        ("CHURN_CORS_ORIGINS", "null", "as browsers send them"),
        ("CHURN_CORS_ORIGINS", "https://a.example,", "as browsers send them"),
        ("CHURN_CORS_ORIGINS", "*,https://a.example", "'*', or origins"),
        ("CHURN_CORS_ORIGINS", "https://a.example:70000", "as browsers send them"),
        ("CHURN_CORS_ORIGINS", "https://a.example\nx: y", "as browsers send them"),
        ("CHURN_PATH_PREFIX", "churn", "a path as /team/churn"),
        ("CHURN_PATH_PREFIX", "/churn/", "none last"),
        ("CHURN_PATH_PREFIX", "/a//b", "a slash first"),
        ("CHURN_PATH_PREFIX", '/"><script>', "letters, digits"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(name, value, allowed):
    with pytest.raises(SettingsError) as caught:
        read_settings({name: value})
    assert f"{name}={value!r} is not allowed" in str(caught.value)
    assert allowed in str(caught.value)


def test_origins_are_listed_with_commas():
    listed = "https://a.example, http://localhost:5173 ,http://[::1]:8080"
    expected = ("https://a.example", "http://localhost:5173", "http://[::1]:8080")
    assert read_settings({"CHURN_CORS_ORIGINS": listed}).cors_origins == expected
    assert read_settings({"CHURN_CORS_ORIGINS": "*"}).cors_origins == ("*",)
    assert read_settings({}).cors_origins == ()
    assert read_settings({"CHURN_PATH_PREFIX": "/team/churn-1.x_y~z"}).path_prefix == "/team/churn-1.x_y~z"


def test_each_drift_threshold_has_a_setting():
    names = {"DISTANCE": 0.3, "PSI": 0.4, "JENSEN_SHANNON": 0.5, "SHARE": 0.05, "ALPHA": 0.02, "Z_THRESHOLD": 3.0}
    settings = read_settings({f"CHURN_DRIFT_{name}": str(value) for name, value in names.items()})
    assert settings.drift == DriftSettings(**{name.lower(): value for name, value in names.items()})
    assert read_settings({"CHURN_DRIFT_MIN_ROWS": "50"}).drift.min_rows == 50
    assert read_settings({}).drift == DriftSettings()


@pytest.mark.parametrize("name", DRIFT_RANGES)
def test_each_end_of_a_range_is_allowed_and_nothing_beyond(name):
    """The options of drift.py take the same ranges."""
    variable, (minimum, maximum) = f"CHURN_DRIFT_{name.upper()}", DRIFT_RANGES[name]
    for value in (minimum, maximum):
        assert getattr(read_settings({variable: repr(value)}).drift, name) == value
    for value in (minimum / 2, maximum * 2, "inf", "-1"):
        with pytest.raises(SettingsError, match=f"{variable}=.* is not allowed; allowed: a .*number from"):
            read_settings({variable: str(value)})


def test_all_bad_values_are_reported_at_once():
    with pytest.raises(SettingsError) as caught:
        read_settings({"LOG_LEVEL": "loud", "CHURN_POLL_SECONDS": "-1", "CHURN_ALERT_URL": "ftp://x"})
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("address", ["http://[::1/x", "http://h:99999/x", "http://a b/x", "http:///x", "http://h:x/"])
def test_what_is_no_web_address_is_refused(address):
    with pytest.raises(SettingsError, match="CHURN_ALERT_URL is not a web address"):
        read_settings({"CHURN_ALERT_URL": address})


def test_a_webhook_address_is_never_repeated_in_an_error():
    with pytest.raises(SettingsError) as caught:
        read_settings({"CHURN_ALERT_URL": "hooks.example/secret-path"})
    assert "CHURN_ALERT_URL" in str(caught.value)
    assert "secret-path" not in str(caught.value)


def test_a_token_comes_from_the_variable_or_else_from_the_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert read_settings({"MONITORING_TOKEN_FILE": str(file)}).monitoring_token == "from-file"
    both = {"MONITORING_TOKEN": "from-variable", "MONITORING_TOKEN_FILE": str(file)}
    assert read_settings(both).monitoring_token == "from-variable"


def test_a_token_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"MONITORING_TOKEN_FILE=.*absent.* cannot be read \(No such file"):
        read_settings({"MONITORING_TOKEN_FILE": str(tmp_path / "absent")})


def test_the_placeholder_and_blanks_are_no_token():
    assert read_settings({"MONITORING_TOKEN": PLACEHOLDER_TOKEN}).monitoring_token is None
    assert read_settings({"MONITORING_TOKEN": "  "}).monitoring_token is None


def test_no_secret_is_in_the_settings_printed_form():
    settings = read_settings({"MONITORING_TOKEN": "hunter2", "CHURN_ALERT_URL": "https://hooks.example/s3cret"})
    assert "hunter2" not in repr(settings)
    assert "s3cret" not in repr(settings)


def test_only_settings_reads_the_environment(pytestconfig):
    sources = [*pytestconfig.rootpath.glob("churn/**/*.py"), *pytestconfig.rootpath.glob("serving/**/*.py")]
    readers = {
        path.relative_to(pytestconfig.rootpath).as_posix()
        for path in sources
        if any(word in path.read_text(encoding="utf-8") for word in ("os.environ", "getenv"))
    }
    assert readers == {
        "churn/settings/__init__.py",
        "churn/__init__.py",  # sets what ONNX Runtime reads
        "churn/commands/completion.py",  # bash's own COMP_LINE
        "churn/commands/serve.py",  # asks for the settings that its options stand for
        "churn/demo/run.py",  # hands the rest of it on to its processes
        "churn/registry/store.py",  # asks for BentoML's own BENTOML_HOME, as BentoML does
        "churn/scoring/ray_engine.py",  # Ray's own RAY_ADDRESS, as Ray does, and the switch of its usage reports
        "serving/upstream/bentoml.py",  # and these for the folder of metrics that it gives its workers
        "serving/upstream/prometheus.py",
    }


def test_a_current_folder_that_was_removed_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    for environment in ({}, {"CHURN_HOME": "here"}):
        with pytest.raises(SettingsError, match=r"the current folder was removed; .* set CHURN_HOME"):
            read_settings(environment)

"""The route table: each route of ours has its handler, and what BentoML is told of agrees with it."""

import inspect

import pytest
from opentelemetry.util.http import ExcludeList

import service
from churn.schema.reading import bundled_schema
from churn.settings import read_settings
from serving.handlers import Handlers
from serving.openapi import openapi_document
from serving.routes import PROBES, ROUTES
from serving.tracing import EXCLUDED


def by_path(tmp_path, **environment):
    settings = read_settings({"CHURN_HOME": str(tmp_path)} | environment)
    return Handlers(settings, None, None, None, None, None).by_path()


def test_each_route_of_ours_has_a_handler_and_no_handler_is_without_a_route(tmp_path):
    table = by_path(tmp_path)
    assert set(table) == {route.path for route in ROUTES if not route.by_bentoml}
    answering = {handler for methods in table.values() for handler in methods.values()}
    public = {name for name, member in vars(Handlers).items() if inspect.iscoroutinefunction(member) and name[0] != "_"}
    assert {handler.__name__ for handler in answering} == public


def test_without_documentation_no_route_of_it_is_answered(tmp_path):
    assert set(by_path(tmp_path)) - set(by_path(tmp_path, CHURN_DOCS="off")) == {"/", "/docs.json", "/favicon.ico"}


@pytest.mark.parametrize("field", ["path", "operation"])
def test_routes_are_told_apart(field):
    values = [getattr(route, field) for route in ROUTES]
    assert len(values) == len(set(values))


def test_the_api_that_bentoml_is_told_of_is_the_table_s():
    declared = {(api.route, api.name) for api in service.ChurnApi.apis.values()}
    assert declared == {(route.path, route.operation) for route in ROUTES if route.method == "POST"}


def test_a_probe_or_a_scrape_is_not_traced_and_all_else_is():
    excluded = ExcludeList(EXCLUDED.split(","))
    traced = {route.path for route in ROUTES if not excluded.url_disabled(f"http://127.0.0.1:3000{route.path}")}
    assert traced == {route.path for route in ROUTES if route.group != PROBES}


def test_the_document_names_each_route_once():
    paths = openapi_document(bundled_schema(), bento="test")["paths"]
    assert [(path, list(methods)) for path, methods in paths.items()] == [
        (route.path, [route.method.lower()]) for route in ROUTES
    ]

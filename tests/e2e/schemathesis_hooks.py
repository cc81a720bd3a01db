"""What schemathesis is told of this service beyond its OpenAPI document."""

import schemathesis


@schemathesis.hook
def map_body(context, body):
    """Write 48.0 as 48: to JSON Schema it is an integer, and the service wants one that looks like one."""
    return _whole(body)


def _whole(value):
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value

"""A Bento service that does nothing: what BentoML itself needs to start, and in memory."""

import bentoml


@bentoml.service
class Empty:
    @bentoml.api
    def predict(self) -> dict:
        return {}

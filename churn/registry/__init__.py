"""Model registry on a shared volume: archives, metadata, pointer to the model in service, history of promotions.

The volume holds an archive of each model (`models/`), what is known of it (`registry/metadata.json`), the
pointer to the one that is served (`registry/current_model.txt`) and the history of promotions. BentoML's
store is a local, disposable copy. Readers take no lock and write nothing to the volume; writers take one
lock and record what they are about to do, so that the next one can finish or undo what a crash left.
"""

from churn.registry.registry import Registry

__all__ = ["Registry"]

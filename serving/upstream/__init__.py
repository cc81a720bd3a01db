"""Every use of what another project does not promise, one file a project.

Each file says what is used, of which release, why, and what would let it go. Outside of this folder, of
churn/training/upstream.py and of churn/registry/store.py no private name of another project is used (a test searches).
"""

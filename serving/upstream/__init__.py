"""Every use of what another project does not promise, one file a project."""

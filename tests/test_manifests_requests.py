"""What the pods of k8s/ ask for, beside what a small node needs for itself."""

from tests.manifest_objects import DEPLOYMENT, PODS

UNITS = {"m": 0.001, "Mi": 1.0, "Gi": 1024.0}

# Requests of Minikube's own pods with Calico and metrics-server, which are what the walk-through starts: 1100m.
NODE_CPU = 2 - 1.1
# In MiB. Their requests are 370 (coredns 70, etcd 100, metrics-server 200), and what they use beyond them, with the
# kubelet and the container runtime, is what GKE keeps of a node's first 4 GiB: a quarter. Hard eviction begins at 100.
NODE_MEMORY = 4096 - 370 - 1024 - 100


def requested(pod: str, resource: str) -> float:
    """Cores, or MiB."""
    (container,) = PODS[pod]["spec"]["containers"]
    text = container["resources"]["requests"][resource]
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * UNITS.get(unit, 1.0)


def requested_at_once(resource: str) -> float:
    """A rollout, with drift and training beside it; the suspended CronJob, started by hand, is training."""
    service = DEPLOYMENT["spec"]["replicas"] + DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    training = max(requested(pod, resource) for pod in ("Job churn-train", "CronJob churn-retrain"))
    together = service * requested("Deployment churn-api", resource) + requested("CronJob churn-drift", resource)
    assert len(PODS) == 4, "a pod is not in the sum"
    return together + training


def test_all_pods_at_once_fit_on_two_cores():
    assert requested_at_once("cpu") <= NODE_CPU


def test_all_pods_at_once_fit_in_four_gibibytes():
    assert requested_at_once("memory") <= NODE_MEMORY

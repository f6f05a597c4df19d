//! Reads the cluster, and writes what `domain` decided: controllers, admission webhooks, and the process around them.

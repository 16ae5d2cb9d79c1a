//! The one macro call that compiles the catalog of Viewstamped Replication, metrics.yaml.

crate::catalog!("metrics.yaml");

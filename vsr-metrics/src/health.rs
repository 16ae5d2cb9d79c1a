//! What the exporters tell about themselves: a catalog of its own, built in, under the library's prefix.

crate::catalog!("exporter.yaml");

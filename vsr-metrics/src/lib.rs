//! Typed metrics from a YAML catalog: recording that costs next to nothing, and every exporter from one
//! snapshot.
//!
//! # A catalog and its methods
//!
//! A catalog names every metric, label value and bucket of a program. [`catalog!`] compiles it into label enums,
//! a `static METRICS` and one method per thing that can be recorded. What is wrong in the catalog is an error of
//! the build, with the line; what is not in the catalog cannot be recorded, because it cannot be written.
//!
//! ```
//! # #[cfg(feature = "text")] {
//! mod app {
//!     vsr_metrics::catalog!(source = r#"
//!         catalog: { name: app, prefix: app_, version: 1.0.0 }
//!         labels:
//!           outcome:
//!             help: How the job ended.
//!             values: { done: It was finished., failed: It was given up. }
//!         metrics:
//!           app_jobs_total:
//!             { type: counter, labels: [outcome], group: jobs, help: Jobs that ended. }
//!           app_job_duration_seconds:
//!             { type: histogram, unit: seconds, buckets: [0.01, 0.1, 1, 10], group: jobs, help: Time to the end. }
//!           app_jobs_waiting:
//!             { type: gauge, group: jobs, help: Jobs that wait for a worker. }
//!     "#);
//! }
//! use app::{METRICS, Outcome};
//!
//! let timer = METRICS.time_job_duration();
//! METRICS.increment_jobs(Outcome::Done);
//! METRICS.set_jobs_waiting(7);
//! drop(timer); // records
//!
//! let text = METRICS.export_prometheus();
//! assert!(text.contains("app_jobs_total{outcome=\"done\"} 1\n"));
//! assert!(text.contains("app_jobs_total{outcome=\"failed\"} 0\n"));
//! assert!(text.contains("app_job_duration_seconds_count 1\n"));
//! # }
//! ```
//!
//! Outside of an example the catalog stands in a file, `catalog!("metrics.yaml")`, counted from the crate's
//! manifest; cargo compiles the crate again when the file changes. Several catalogs in one crate go into modules
//! of their own.
//!
//! A method is named after its metric: without the catalog's prefix, without `_total`, and without the suffix
//! that spells the declared unit. So `app_job_duration_seconds` is recorded by `record_job_duration(Duration)`
//! and `time_job_duration()`.
//!
//! # Recording
//!
//! Each thread adds to its own copy of the counters, with a plain load, add and store: no lock, no atomic
//! read-modify-write, no shared cache line. Recording returns nothing, allocates nothing once the thread has its
//! copy, and cannot fail. When a thread ends, its copy stays and the next thread goes on from it, so nothing is
//! flushed and nothing is lost. See [`storage`] for how, and for what happens with more than 255 threads.
//!
//! # Reading
//!
//! A [`Snapshot`] is all series at one moment, as plain data. Take it from a `Metrics`, or from anything that is
//! a [`Source`]: a reference, an `Arc`, a `Vec`, a pair.
//!
//! ```
//! # mod app {
//! #     vsr_metrics::catalog!(source = r#"
//! #         catalog: { name: app, prefix: app_, version: 1.0.0 }
//! #         metrics:
//! #           app_job_duration_seconds:
//! #             { type: histogram, unit: seconds, buckets: [0.01, 0.1, 1, 10], group: jobs, help: Time to the end. }
//! #     "#);
//! # }
//! # use app::METRICS;
//! use std::time::Duration;
//! use vsr_metrics::snapshot::Value;
//!
//! for milliseconds in [5, 50, 60, 70] {
//!     METRICS.record_job_duration(Duration::from_millis(milliseconds));
//! }
//! let snapshot = METRICS.snapshot();
//! let family = snapshot.family("app_job_duration_seconds").expect("it is in the catalog");
//! let series = family.series().next().expect("it has no labels, so it has one series");
//! let Value::Histogram(histogram) = series.value() else { panic!("it is a histogram") };
//! let p99 = histogram.p99().expect("there are observations");
//! assert_eq!((p99.above, p99.at_most), (0.01, 0.1)); // what the buckets know for sure
//! ```
//!
//! Snapshots of several instances are [joined](Snapshot::join), which keeps their series apart by constant
//! label, or [aggregated](Snapshot::aggregate) into one. What happened between two is a [`SnapshotDelta`].
//!
//! # Features
//!
//! `vsr`, `text` and `timer` are on by default. Without any, the crate has no dependency at run time.
//!
//! | feature | gives |
//! | --- | --- |
//! | `vsr` | `METRICS` and the types of the catalog of Viewstamped Replication |
//! | `text` | Prometheus text and OpenMetrics |
//! | `timer` | a faster clock for [`Timer`] than [`std::time::Instant`] |
//! | `http` | an endpoint that serves `/metrics` on a thread of its own |
//! | `otel` | push over OTLP, HTTP with protobuf, and traces |
//! | `otel-grpc` | OTLP over gRPC as well |
//! | `tls` | TLS and mTLS for OTLP |
//! | `statsd` | a sender of StatsD on a thread of its own |
//! | `metrics` | the bridge to the crate `metrics`, both ways |
//! | `system` | a sampler of memory, CPU, disk and network on a thread of its own |
//!
//! # What it is not for
//!
//! Signal handlers, and allocators: a thread's first recording allocates. A process that forks takes the slots of
//! its parent's threads along and never gets them back.
#![forbid(unsafe_code)]

extern crate self as vsr_metrics;

#[cfg(feature = "vsr")]
mod catalog;
pub mod descriptor;
pub mod encode;
pub mod export;
#[cfg(feature = "metrics")]
pub mod facade;
pub mod health;
pub mod label;
#[cfg(feature = "system")]
pub mod sampler;
pub mod snapshot;
pub mod storage;
pub mod timer;
pub mod trace;

#[cfg(feature = "vsr")]
pub use catalog::*;
#[cfg(feature = "otel")]
pub use export::otlp::{OtelConfig, OtelExporter};
pub use label::OutOfRange;
pub use snapshot::{Snapshot, SnapshotDelta, Source};
pub use timer::Timer;

/// Compiles a catalog into typed metrics.
pub use vsr_metrics_macros::catalog;

/// Adds what needs the feature `text` to a generated `Metrics`. What `catalog!` expands to holds no `cfg` of its
/// own: it would be judged in the user's crate.
#[cfg(feature = "text")]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_text {
    ($metrics:ident) => {
        impl $metrics {
            /// All series now, as Prometheus text.
            #[must_use]
            pub fn export_prometheus(&self) -> ::std::string::String {
                $crate::encode::prometheus_text(&self.snapshot())
            }
        }

        // A catalog in a private module may do without it.
        const _: fn(&$metrics) -> ::std::string::String = $metrics::export_prometheus;
    };
}

/// Adds nothing where the feature `text` is off.
#[cfg(not(feature = "text"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_text {
    ($metrics:ident) => {};
}

//! What carries metrics out of the program: a renderer to mount in one's own server, the endpoint, the senders.

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "text")]
mod negotiation;
#[cfg(feature = "otel")]
pub mod otlp;
#[cfg(feature = "text")]
mod renderer;
#[cfg(feature = "statsd")]
pub mod statsd;
#[cfg(any(feature = "otel", feature = "statsd"))]
mod tick;
#[cfg(any(feature = "http", feature = "otel", feature = "statsd"))]
mod up;

/// As good as for ever, and a time that can be added to any clock's.
#[cfg(any(feature = "http", feature = "otel", feature = "statsd"))]
const LONGEST: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

#[cfg(feature = "text")]
pub use renderer::{Rendered, Renderer};

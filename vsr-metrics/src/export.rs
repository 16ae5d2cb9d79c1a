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

#[cfg(feature = "text")]
pub use renderer::{Rendered, Renderer};

//! What carries an exposition out of the program: a renderer to mount in one's own server, and the endpoint.

#[cfg(feature = "http")]
pub mod http;
mod negotiation;
mod renderer;

pub use renderer::{Rendered, Renderer};

//! What carries an exposition out of the program: a renderer to mount in one's own server, and the endpoint.

mod negotiation;
mod renderer;

pub use renderer::{Rendered, Renderer};

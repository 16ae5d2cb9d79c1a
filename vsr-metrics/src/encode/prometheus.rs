//! What Prometheus text 0.0.4 says its own way.

use crate::descriptor::{Descriptor, Instrument};

/// The header of a family.
pub(super) fn header(family: &Descriptor, out: &mut Vec<u8>) {
    let kind = match family.instrument {
        Instrument::Counter => "counter",
        Instrument::Gauge(_) => "gauge",
        Instrument::Histogram { .. } => "histogram",
    };
    for piece in ["# HELP ", family.name, " "] {
        out.extend_from_slice(piece.as_bytes());
    }
    escape_help(family.help, out);
    for piece in ["\n# TYPE ", family.name, " ", kind, "\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// Help text: a quote stands as it is.
fn escape_help(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(byte),
        }
    }
}

/// Quoted text, as both formats escape it.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(byte),
        }
    }
}

//! Where messages go: the address of a signal, checked before anything is started.

use ureq::http::Uri;

use super::config::{OtelConfig, Protocol, Signal};
use super::error::OtelError;

/// The address of a signal's receiver.
///
/// # Errors
/// If it is none, or needs a feature that is off. A password in an address would end up in logs: it is refused.
pub(super) fn address(config: &OtelConfig, signal: Signal) -> Result<Uri, OtelError> {
    let is_grpc = config.protocol == Protocol::Grpc;
    if is_grpc && cfg!(not(feature = "otel-grpc")) {
        return Err(OtelError::config("gRPC needs the feature `otel-grpc` of vsr-metrics"));
    }
    let text = match (&config.signal_endpoint, &config.otlp_endpoint) {
        (Some(whole), _) => whole.trim().to_owned(),
        (None, Some(base)) if is_grpc => base.trim().to_owned(),
        (None, Some(base)) if base.contains('?') => {
            // The path would come to stand in the query.
            return Err(wrong(base, "a base has no query; the signal's whole address may have one"));
        }
        (None, Some(base)) => format!("{}/{}", base.trim().trim_end_matches('/'), signal.path()),
        (None, None) if is_grpc => "http://localhost:4317".to_owned(),
        (None, None) => format!("http://localhost:4318/{}", signal.path()),
    };
    let text = match text.contains("://") {
        false if is_grpc && config.insecure => format!("http://{text}"),
        false if is_grpc => format!("https://{text}"),
        _ => text,
    };
    let uri: Uri = text.parse().map_err(|error| wrong(&text, &format!("{error}")))?;
    let Some(authority) = uri.authority() else {
        return Err(wrong(&text, "expected `http://host:port`"));
    };
    if authority.as_str().contains('@') {
        return Err(OtelError::config("a user or password in an address is refused: send a header instead"));
    }
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if cfg!(feature = "tls") => {}
        Some("https") => {
            return Err(wrong(
                &text,
                "`https` needs the feature `tls` of vsr-metrics; it is never sent in plain text",
            ));
        }
        _ => return Err(wrong(&text, "expected `http://` or `https://`")),
    }
    let port = authority.as_str().get(authority.host().len()..).unwrap_or_default();
    let is_port_sound = port.is_empty() || authority.port_u16().is_some_and(|port| port != 0);
    if authority.host().is_empty() || !is_port_sound {
        return Err(wrong(&text, "expected a host, and a port from 1 to 65535"));
    }
    Ok(uri)
}

/// An address as it may be shown: a query can hold a key.
pub(super) fn shown(uri: &Uri) -> String {
    let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority());
    format!("{scheme}://{}{}", authority.map_or("", |authority| authority.as_str()), uri.path())
}

fn wrong(text: &str, why: &str) -> OtelError {
    // What stands before an `@` may be a password, what follows a `?` a key.
    let text = text.split('?').next().unwrap_or_default();
    let text = if text.contains('@') { "…" } else { text };
    OtelError::config(format!("the address `{text}` of the receiver cannot be used: {why}"))
}

#[cfg(test)]
mod tests;

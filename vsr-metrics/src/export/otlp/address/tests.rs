//! Addresses as people write them.

use super::*;
use crate::export::otlp::ErrorKind;

fn config(endpoint: Option<&str>, signal: Option<&str>) -> OtelConfig {
    OtelConfig {
        otlp_endpoint: endpoint.map(str::to_owned),
        signal_endpoint: signal.map(str::to_owned),
        ..OtelConfig::built_in()
    }
}

#[test]
fn a_base_gets_the_path_of_the_signal_and_a_whole_address_nothing() {
    for (base, whole, expected) in [
        (None, None, "http://localhost:4318/v1/metrics"),
        (Some("http://host:1"), None, "http://host:1/v1/metrics"),
        (Some("http://host:1/"), None, "http://host:1/v1/metrics"),
        (Some(" http://host/a/b/ "), None, "http://host/a/b/v1/metrics"),
        (Some("http://[::1]:4318"), None, "http://[::1]:4318/v1/metrics"),
        (Some("http://host:1"), Some("http://other:2"), "http://other:2/"),
        (None, Some("http://other:2/own?key=1"), "http://other:2/own?key=1"),
    ] {
        let uri = address(&config(base, whole), Signal::Metrics).expect("it can be used");
        assert_eq!(uri.to_string(), expected);
    }
    let uri = address(&config(Some("http://host"), None), Signal::Traces).expect("it can be used");
    assert_eq!(uri.to_string(), "http://host/v1/traces");
}

#[test]
fn what_is_no_address_is_an_error_that_says_so() {
    for text in [
        "",
        "localhost:4318",
        "host name:1",
        "http://",
        "http:///path",
        "http://:4318",
        "http://host:",
        "http://host:0",
        "http://host:99999",
        "ftp://host",
        "/v1/metrics",
        "http://user@host",
        "http://user:pass@host:1",
    ] {
        let error = address(&config(None, Some(text)), Signal::Metrics).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
}

#[test]
fn a_base_with_a_query_is_refused_and_not_shown() {
    let error = address(&config(Some("http://host:1/?key=s3cret"), None), Signal::Metrics).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the address `http://host:1/` of the receiver cannot be used: a base has no query; the signal's whole address \
         may have one"
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_without_the_feature_is_refused_and_never_plain_text() {
    let error = address(&config(Some("https://host:1"), None), Signal::Metrics).unwrap_err();
    assert!(error.to_string().contains("needs the feature `tls`"), "{error}");
    #[cfg(feature = "vsr")]
    assert!(crate::OtelExporter::new(config(Some("https://host:1"), None)).is_err());
}

#[cfg(not(feature = "otel-grpc"))]
#[test]
fn grpc_without_the_feature_is_refused() {
    let config = OtelConfig { protocol: Protocol::Grpc, ..config(Some("http://host:1"), None) };
    let error = address(&config, Signal::Metrics).unwrap_err();
    assert!(error.to_string().contains("needs the feature `otel-grpc`"), "{error}");
}

#[cfg(feature = "otel-grpc")]
#[test]
fn a_grpc_address_without_a_scheme_is_secure_unless_told_otherwise() {
    let config = |insecure| {
        let config = config(Some("host:4317"), None);
        OtelConfig { protocol: Protocol::Grpc, insecure, ..config }
    };
    assert_eq!(address(&config(true), Signal::Metrics).unwrap().to_string(), "http://host:4317/");
    let secure = address(&config(false), Signal::Metrics);
    let scheme = secure.as_ref().ok().and_then(|uri| uri.scheme_str());
    assert_eq!(scheme, cfg!(feature = "tls").then_some("https"), "{secure:?}");
}

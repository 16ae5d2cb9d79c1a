//! Every variable, right and wrong.

use super::*;
use crate::export::otlp::Headers;

fn read_from(signal: Signal, pairs: &[(&str, &str)]) -> (OtelConfig, Vec<String>) {
    let lookup =
        |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    read(signal, &lookup)
}

fn metrics(pairs: &[(&str, &str)]) -> (OtelConfig, Vec<String>) {
    read_from(Signal::Metrics, pairs)
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let names = [
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_METRICS_EXPORTER",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_METRIC_EXPORT_TIMEOUT",
    ];
    let empty: Vec<_> = names.iter().map(|name| (*name, " ")).collect();
    let (config, warnings) = metrics(&empty);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(format!("{config:?}"), format!("{:?}", OtelConfig::built_in()));
}

#[test]
fn the_own_variable_of_a_signal_wins() {
    let pairs = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general:4318"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:4318/own"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "b=2"),
        ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "/key.pem"),
    ];
    let (config, warnings) = metrics(&pairs);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(config.signal_endpoint.as_deref(), Some("http://metrics:4318/own"));
    assert_eq!(config.timeout, Duration::from_secs(2));
    assert_eq!(config.protocol, Protocol::HttpProtobuf);
    assert_eq!(config.compression, Compression::None);
    assert_eq!(config.headers, Headers::from_iter([("b", "2")]));
    assert_eq!(config.tls.key, Some("/key.pem".into()));

    let (config, _) = read_from(Signal::Traces, &pairs);
    assert_eq!(config.signal_endpoint, None);
    assert_eq!(config.otlp_endpoint.as_deref(), Some("http://general:4318"));
    assert_eq!(config.timeout, Duration::from_secs(1));
    assert_eq!(config.protocol, Protocol::Grpc);
    assert_eq!(config.tls.key, None);
}

#[test]
fn true_is_the_word_in_any_case_and_nothing_else() {
    for (value, is_disabled, warned) in [
        ("true", true, 0),
        ("TRUE", true, 0),
        ("True", true, 0),
        ("false", false, 0),
        ("1", false, 1),
        ("yes", false, 1),
    ] {
        let (config, warnings) = metrics(&[("OTEL_SDK_DISABLED", value)]);
        assert_eq!((config.disabled, warnings.len()), (is_disabled, warned), "{value}");
    }
}

#[test]
fn exporters_other_than_otlp_are_not_this_one() {
    for (value, is_disabled) in
        [("otlp", false), ("none", true), ("prometheus", true), ("console, otlp", false)]
    {
        assert_eq!(metrics(&[("OTEL_METRICS_EXPORTER", value)]).0.disabled, is_disabled, "{value}");
    }
}

#[test]
fn what_cannot_be_understood_is_told_and_ignored() {
    let (config, warnings) = metrics(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "5s"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "summary"),
    ]);
    assert_eq!(warnings.len(), 7, "{warnings:#?}");
    assert_eq!(
        warnings[0],
        "`OTEL_EXPORTER_OTLP_PROTOCOL` is ignored: `http/json` is not `http/protobuf` or `grpc`"
    );
    assert_eq!(format!("{config:?}"), format!("{:?}", OtelConfig::built_in()));
}

#[test]
fn temporality_is_read_in_any_case() {
    for (value, temporality) in [
        ("cumulative", Temporality::Cumulative),
        ("DELTA", Temporality::Delta),
        ("LowMemory", Temporality::Delta),
    ] {
        let pair = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", value);
        assert_eq!(metrics(&[pair]).0.temporality, temporality);
    }
}

#[test]
fn histograms_are_explicit_on_request() {
    for (value, histograms) in [
        ("explicit_bucket_histogram", Histograms::Explicit),
        ("base2_exponential_bucket_histogram", Histograms::AsDeclared),
    ] {
        let pair = ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", value);
        assert_eq!(metrics(&[pair]).0.histograms, histograms);
    }
    assert_eq!(metrics(&[]).0.histograms, Histograms::AsDeclared);
}

#[test]
fn resource_attributes_are_decoded_and_the_service_name_wins() {
    let (config, warnings) = metrics(&[
        ("OTEL_SERVICE_NAME", "named"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=listed,service.version=1.2,service.instance.id=i, zone = eu%2Dwest%20%C3%A4,bad,=x,b=%zz,",
        ),
    ]);
    assert_eq!((config.service_name.as_str(), config.service_version.as_str()), ("named", "1.2"));
    assert_eq!(config.service_instance_id.as_deref(), Some("i"));
    assert_eq!(config.resource, [("zone".to_owned(), "eu-west ä".to_owned())]);
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
}

#[test]
fn values_of_headers_are_in_no_warning_and_in_no_debug() {
    let (config, warnings) =
        metrics(&[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret,s3cret%,x=%ffs3cret")]);
    assert_eq!(config.headers.0, [("authorization".to_owned(), "Bearer s3cret".to_owned())]);
    assert_eq!(warnings.len(), 2);
    let shown = format!("{warnings:?} {config:?}");
    assert!(shown.contains("authorization") && !shown.contains("s3cret"), "{shown}");
}

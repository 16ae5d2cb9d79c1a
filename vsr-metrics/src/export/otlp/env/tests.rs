//! Every variable, right and wrong.

use super::*;
use crate::export::otlp::Headers;

fn read_from(signal: Signal, pairs: &[(&str, &str)]) -> (OtelConfig, Vec<String>) {
    let lookup = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
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
    for (value, is_disabled, warned) in [
        ("otlp", false, 0),
        ("OTLP", false, 0),
        ("none", true, 0),
        ("prometheus", true, 0),
        ("console, otlp", false, 0),
        ("console,", true, 0),
        // A slip of the pen must not silence the program.
        ("oltp", false, 1),
        ("oltp, none", true, 1),
    ] {
        let (config, warnings) = metrics(&[("OTEL_METRICS_EXPORTER", value)]);
        assert_eq!((config.disabled, warnings.len()), (is_disabled, warned), "{value}: {warnings:?}");
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
fn a_timeout_of_zero_is_no_limit() {
    let (config, warnings) =
        metrics(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "0"), ("OTEL_METRIC_EXPORT_TIMEOUT", "0")]);
    assert_eq!(warnings, [""; 0]);
    assert!(config.timeout > Duration::from_secs(20 * 86_400), "{:?}", config.timeout);
    assert_eq!(config.export_timeout, Some(config.timeout));
}

#[test]
fn traces_have_the_variables_of_their_processor() {
    let pairs = [
        ("OTEL_BSP_SCHEDULE_DELAY", "3000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "700"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "64"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "1"),
    ];
    let (config, warnings) = read_from(Signal::Traces, &pairs);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(config.export_interval, Duration::from_secs(3));
    assert_eq!(config.export_timeout, Some(Duration::from_millis(700)));
    assert_eq!(config.batch_points, 64);
    let (config, warnings) = read_from(
        Signal::Traces,
        &[
            ("OTEL_BSP_SCHEDULE_DELAY", "0"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "-1"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
        ],
    );
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    assert_eq!(format!("{config:?}"), format!("{:?}", OtelConfig::built_in()));
}

#[test]
fn words_are_read_in_any_case() {
    let (config, warnings) =
        metrics(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "None")]);
    assert_eq!((config.protocol, config.compression), (Protocol::Grpc, Compression::None));
    assert_eq!(warnings, [""; 0]);
}

#[cfg(unix)]
#[test]
fn what_is_no_text_is_told_and_ignored() {
    use std::os::unix::ffi::OsStringExt as _;

    let lookup = |name: &str| (name == "OTEL_SERVICE_NAME").then(|| OsString::from_vec(vec![b'a', 0xff]));
    let (config, warnings) = read(Signal::Metrics, &lookup);
    assert_eq!(warnings, ["`OTEL_SERVICE_NAME` is ignored: it is no UTF-8"]);
    assert_eq!(config.service_name, unknown_service());
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
    let list = "service.name=listed,service.version=1.2,service.instance.id=i, zone = eu%2Dwest%20%C3%A4, a=b%2Cc%3D,";
    let (config, warnings) = metrics(&[("OTEL_SERVICE_NAME", "named"), ("OTEL_RESOURCE_ATTRIBUTES", list)]);
    assert_eq!((config.service_name.as_str(), config.service_version.as_str()), ("named", "1.2"));
    assert_eq!(config.service_instance_id.as_deref(), Some("i"));
    let expected = [("zone", "eu-west ä"), ("a", "b,c=")];
    assert_eq!(config.resource, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(warnings, [""; 0]);
}

/// A list that is wrong anywhere is ignored as a whole, as the specification wants it.
#[test]
fn resource_attributes_that_are_wrong_are_ignored_all_together() {
    for wrong in ["bad", "=x", "b=%zz", "b=%", "b=%ff"] {
        let list = format!("service.name=listed,zone=a,{wrong},c=d");
        let (config, warnings) = metrics(&[("OTEL_RESOURCE_ATTRIBUTES", &list)]);
        assert_eq!(
            warnings,
            ["`OTEL_RESOURCE_ATTRIBUTES` is ignored as a whole: entry 3 is not `key=value`, percent-encoded"]
        );
        assert_eq!(format!("{config:?}"), format!("{:?}", OtelConfig::built_in()), "{wrong}");
    }
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

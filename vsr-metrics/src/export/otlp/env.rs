//! The standard environment variables. Empty counts as not set; what cannot be understood is told and ignored.

use std::path::PathBuf;
use std::time::Duration;

use super::config::{Compression, OtelConfig, Protocol, Signal};
use crate::encode::otlp::{Histograms, Temporality};

/// Where values come from.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads variables, and remembers what was wrong with them.
struct Reader<'a> {
    lookup: Lookup<'a>,
    signal: &'static str,
    warnings: Vec<String>,
}

/// The built-in defaults, changed by the environment.
pub(super) fn read(signal: Signal, lookup: Lookup<'_>) -> (OtelConfig, Vec<String>) {
    let mut config = OtelConfig::built_in();
    let name = match signal {
        Signal::Metrics => "METRICS",
        Signal::Traces => "TRACES",
    };
    let mut reader = Reader { lookup, signal: name, warnings: Vec::new() };
    reader.identity(&mut config);
    reader.receiver(&mut config);
    reader.pace(signal, &mut config);
    (config, reader.warnings)
}

/// What a service is called that nobody named.
pub(super) fn unknown_service() -> String {
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    name.map_or_else(|| "unknown_service".to_owned(), |name| format!("unknown_service:{name}"))
}

impl Reader<'_> {
    fn get(&mut self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The signal's own variable, or the one for all signals.
    fn otlp(&mut self, name: &str) -> Option<(String, String)> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{name}", self.signal);
        let general = format!("OTEL_EXPORTER_OTLP_{name}");
        [own, general].into_iter().find_map(|variable| {
            let value = self.get(&variable)?;
            Some((variable, value))
        })
    }

    fn identity(&mut self, config: &mut OtelConfig) {
        config.disabled =
            self.get("OTEL_SDK_DISABLED").is_some_and(|value| self.truth("OTEL_SDK_DISABLED", &value));
        if let Some(list) = self.get("OTEL_RESOURCE_ATTRIBUTES") {
            for (key, value) in self.list("OTEL_RESOURCE_ATTRIBUTES", &list) {
                match key.as_str() {
                    "service.name" => config.service_name = value,
                    "service.version" => config.service_version = value,
                    "service.instance.id" => config.service_instance_id = Some(value),
                    _ => config.resource.push((key, value)),
                }
            }
        }
        if let Some(name) = self.get("OTEL_SERVICE_NAME") {
            config.service_name = name;
        }
        let exporter = format!("OTEL_{}_EXPORTER", self.signal);
        if let Some(chosen) = self.get(&exporter) {
            config.disabled |= !chosen.split(',').any(|name| name.trim() == "otlp");
        }
    }

    fn receiver(&mut self, config: &mut OtelConfig) {
        config.otlp_endpoint = self.get("OTEL_EXPORTER_OTLP_ENDPOINT");
        config.signal_endpoint = self.get(&format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", self.signal));
        if let Some((name, value)) = self.otlp("PROTOCOL") {
            match value.as_str() {
                "http/protobuf" => config.protocol = Protocol::HttpProtobuf,
                "grpc" => config.protocol = Protocol::Grpc,
                _ => self.unknown(&name, &value, "`http/protobuf` or `grpc`"),
            }
        }
        if let Some((name, value)) = self.otlp("COMPRESSION") {
            match value.as_str() {
                "gzip" => config.compression = Compression::Gzip,
                "none" => config.compression = Compression::None,
                _ => self.unknown(&name, &value, "`gzip` or `none`"),
            }
        }
        if let Some((name, value)) = self.otlp("HEADERS") {
            config.headers.0 = self.list(&name, &value);
        }
        if let Some((name, value)) = self.otlp("INSECURE") {
            config.insecure = self.truth(&name, &value);
        }
        config.tls.ca = self.otlp("CERTIFICATE").map(|(_, path)| PathBuf::from(path));
        config.tls.certificate = self.otlp("CLIENT_CERTIFICATE").map(|(_, path)| PathBuf::from(path));
        config.tls.key = self.otlp("CLIENT_KEY").map(|(_, path)| PathBuf::from(path));
    }

    fn pace(&mut self, signal: Signal, config: &mut OtelConfig) {
        if let Some((name, value)) = self.otlp("TIMEOUT") {
            self.milliseconds(&name, &value, &mut config.timeout);
        }
        if signal == Signal::Traces {
            if let Some(value) = self.get("OTEL_BSP_SCHEDULE_DELAY") {
                self.milliseconds("OTEL_BSP_SCHEDULE_DELAY", &value, &mut config.export_interval);
            }
            return;
        }
        if let Some(value) = self.get("OTEL_METRIC_EXPORT_INTERVAL") {
            self.milliseconds("OTEL_METRIC_EXPORT_INTERVAL", &value, &mut config.export_interval);
        }
        if let Some(value) = self.get("OTEL_METRIC_EXPORT_TIMEOUT") {
            let mut timeout = Duration::ZERO;
            self.milliseconds("OTEL_METRIC_EXPORT_TIMEOUT", &value, &mut timeout);
            config.export_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        }
        let preference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        if let Some(value) = self.get(preference) {
            match value.to_ascii_lowercase().as_str() {
                "cumulative" => config.temporality = Temporality::Cumulative,
                // All instruments here are of the kind that both mean increments for.
                "delta" | "lowmemory" => config.temporality = Temporality::Delta,
                _ => self.unknown(preference, &value, "`cumulative`, `delta` or `lowmemory`"),
            }
        }
        let aggregation = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
        if let Some(value) = self.get(aggregation) {
            match value.to_ascii_lowercase().as_str() {
                "explicit_bucket_histogram" => config.histograms = Histograms::Explicit,
                // What has no grid cannot be sent so.
                "base2_exponential_bucket_histogram" => config.histograms = Histograms::AsDeclared,
                _ => {
                    let known = "`explicit_bucket_histogram` or `base2_exponential_bucket_histogram`";
                    self.unknown(aggregation, &value, known);
                }
            }
        }
    }

    /// True is the word, in any case; everything else is false.
    fn truth(&mut self, name: &str, value: &str) -> bool {
        if !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false") {
            self.unknown(name, value, "`true` or `false`");
        }
        value.eq_ignore_ascii_case("true")
    }

    fn milliseconds(&mut self, name: &str, value: &str, into: &mut Duration) {
        match value.parse::<u64>() {
            Ok(milliseconds) if milliseconds > 0 => *into = Duration::from_millis(milliseconds),
            _ => self.unknown(name, value, "a positive number of milliseconds"),
        }
    }

    /// `key=value` pairs, separated by commas, percent-encoded. Values are never repeated in a warning: they may be
    /// secret.
    fn list(&mut self, name: &str, list: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (index, entry) in list.split(',').enumerate().filter(|(_, entry)| !entry.trim().is_empty()) {
            let pair = entry.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let decoded = pair
                .filter(|(key, _)| !key.is_empty())
                .and_then(|(key, value)| Some((percent_decoded(key)?, percent_decoded(value)?)));
            match decoded {
                Some(pair) => pairs.push(pair),
                None => self.warnings.push(format!(
                    "entry {} of `{name}` is ignored: expected `key=value`, percent-encoded",
                    index + 1
                )),
            }
        }
        pairs
    }

    fn unknown(&mut self, name: &str, value: &str, expected: &str) {
        self.warnings.push(format!("`{name}` is ignored: `{value}` is not {expected}"));
    }
}

/// Undoes percent-encoding; nothing if what follows a `%` is no number, or the bytes are no text.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests;

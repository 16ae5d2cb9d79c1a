//! The standard environment variables. Empty counts as not set; what cannot be understood is told and ignored.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::config::{Compression, OtelConfig, Protocol, Signal};
use crate::encode::otlp::{Histograms, Temporality};

/// Where values come from.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// A timeout of zero is no limit; this is as good as none.
const NO_LIMIT: Duration = Duration::from_millis(0x7fff_ffff);

/// What `OTEL_METRICS_EXPORTER` and `OTEL_TRACES_EXPORTER` may name besides `otlp`: somebody else's work, or nobody's.
const OTHER_EXPORTERS: [&str; 6] = ["none", "prometheus", "zipkin", "console", "logging", "otlp/stdout"];

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
        let value = (self.lookup)(name)?;
        let Some(text) = value.to_str() else {
            self.warnings.push(format!("`{name}` is ignored: it is no UTF-8"));
            return None;
        };
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
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
        for (key, value) in self.resource() {
            match key.as_str() {
                "service.name" => config.service_name = value,
                "service.version" => config.service_version = value,
                "service.instance.id" => config.service_instance_id = Some(value),
                _ => config.resource.push((key, value)),
            }
        }
        if let Some(name) = self.get("OTEL_SERVICE_NAME") {
            config.service_name = name;
        }
        config.disabled |= self.is_left_to_others();
    }

    /// All attributes, or none: the specification wants a list that is wrong anywhere discarded.
    fn resource(&mut self) -> Vec<(String, String)> {
        const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let Some(list) = self.get(NAME) else { return Vec::new() };
        let (pairs, wrong) = pairs(&list);
        let Some(entry) = wrong.first() else { return pairs };
        self.warnings.push(format!(
            "`{NAME}` is ignored as a whole: entry {entry} is not `key=value`, percent-encoded"
        ));
        Vec::new()
    }

    /// Whether exporters are named, and OTLP is not among them.
    fn is_left_to_others(&mut self) -> bool {
        let variable = format!("OTEL_{}_EXPORTER", self.signal);
        let Some(chosen) = self.get(&variable) else { return false };
        let (mut is_ours, mut is_others) = (false, false);
        for name in chosen.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name.eq_ignore_ascii_case("otlp") {
                is_ours = true;
            } else if OTHER_EXPORTERS.iter().any(|other| name.eq_ignore_ascii_case(other)) {
                is_others = true;
            } else {
                self.unknown(&variable, name, "`otlp`, `none` or another exporter of the specification");
            }
        }
        is_others && !is_ours
    }

    fn receiver(&mut self, config: &mut OtelConfig) {
        config.otlp_endpoint = self.get("OTEL_EXPORTER_OTLP_ENDPOINT");
        config.signal_endpoint = self.get(&format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", self.signal));
        if let Some((name, value)) = self.otlp("PROTOCOL") {
            match value.to_ascii_lowercase().as_str() {
                "http/protobuf" => config.protocol = Protocol::HttpProtobuf,
                "grpc" => config.protocol = Protocol::Grpc,
                _ => self.unknown(&name, &value, "`http/protobuf` or `grpc`"),
            }
        }
        if let Some((name, value)) = self.otlp("COMPRESSION") {
            match value.to_ascii_lowercase().as_str() {
                "gzip" => config.compression = Compression::Gzip,
                "none" => config.compression = Compression::None,
                _ => self.unknown(&name, &value, "`gzip` or `none`"),
            }
        }
        if let Some((name, value)) = self.otlp("HEADERS") {
            config.headers.0 = self.headers(&name, &value);
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
            config.timeout = self.timeout(&name, &value).unwrap_or(config.timeout);
        }
        let (interval, timeout) = match signal {
            Signal::Metrics => ("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"),
            Signal::Traces => ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT"),
        };
        if let Some(value) = self.get(interval) {
            let milliseconds = self.positive(interval, &value, "a positive number of milliseconds");
            config.export_interval = milliseconds.map_or(config.export_interval, Duration::from_millis);
        }
        if let Some(value) = self.get(timeout) {
            config.export_timeout = self.timeout(timeout, &value);
        }
        match signal {
            Signal::Metrics => self.form(config),
            Signal::Traces => {
                const SIZE: &str = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
                let size = self.get(SIZE).and_then(|value| self.positive(SIZE, &value, "a positive number"));
                let size = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
                config.batch_points = size.unwrap_or(config.batch_points);
            }
        }
    }

    /// How metrics are told.
    fn form(&mut self, config: &mut OtelConfig) {
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

    /// Milliseconds, where zero means that there is no limit.
    fn timeout(&mut self, name: &str, value: &str) -> Option<Duration> {
        match value.parse::<u64>() {
            Ok(0) => Some(NO_LIMIT),
            Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
            Err(_) => {
                self.unknown(name, value, "a number of milliseconds");
                None
            }
        }
    }

    fn positive(&mut self, name: &str, value: &str, expected: &str) -> Option<u64> {
        let number = value.parse().ok().filter(|number| *number > 0);
        if number.is_none() {
            self.unknown(name, value, expected);
        }
        number
    }

    /// The headers that are right. Values are never repeated in a warning: they may be secret.
    fn headers(&mut self, name: &str, list: &str) -> Vec<(String, String)> {
        let (pairs, wrong) = pairs(list);
        self.warnings.extend(wrong.iter().map(|entry| {
            format!("entry {entry} of `{name}` is ignored: expected `key=value`, percent-encoded")
        }));
        pairs
    }

    fn unknown(&mut self, name: &str, value: &str, expected: &str) {
        self.warnings.push(format!("`{name}` is ignored: `{value}` is not {expected}"));
    }
}

/// `key=value` pairs, separated by commas, percent-encoded; and the numbers of the entries that are none, from 1.
fn pairs(list: &str) -> (Vec<(String, String)>, Vec<usize>) {
    let (mut pairs, mut wrong) = (Vec::new(), Vec::new());
    for (index, entry) in list.split(',').enumerate().filter(|(_, entry)| !entry.trim().is_empty()) {
        let pair = entry.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        let decoded = pair
            .filter(|(key, _)| !key.is_empty())
            .and_then(|(key, value)| Some((percent_decoded(key)?, percent_decoded(value)?)));
        match decoded {
            Some(pair) => pairs.push(pair),
            None => wrong.push(index + 1),
        }
    }
    (pairs, wrong)
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

//! Who tells: the attributes of the resource, and since when its process has been counting.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::config::OtelConfig;
use super::retry::Random;
use crate::Snapshot;
use crate::encode::otlp::attribute;
use crate::snapshot::label_text;

/// The attributes of the resource. What the configuration names twice, its fields decide.
pub(super) fn attributes(config: &OtelConfig, snapshot: &Snapshot) -> Vec<KeyValue> {
    let instance = config.service_instance_id.clone().unwrap_or_else(|| identity(snapshot));
    let mut pairs = vec![
        ("service.name", config.service_name.clone()),
        ("service.version", config.service_version.clone()),
        ("service.instance.id", instance),
        ("telemetry.sdk.name", "vsr-metrics".to_owned()),
        ("telemetry.sdk.language", "rust".to_owned()),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    for (key, value) in &config.resource {
        match pairs.iter_mut().find(|(known, _)| known == key) {
            // Those above are decided; of two others, the last one stands.
            Some((known, kept)) => {
                if !known.starts_with("service.") && !known.starts_with("telemetry.") {
                    kept.clone_from(value);
                }
            }
            None => pairs.push((key, value.clone())),
        }
    }
    let named = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    named.map(|(key, value)| attribute(key, value)).collect()
}

/// An instance that no other start of a process has: the constant labels' values, where they name one instance, and
/// a number made up for this start (a UUID of version 4).
fn identity(snapshot: &Snapshot) -> String {
    let mut random = Random::new();
    let (high, low) = (random.number(), random.number());
    let version = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
    let variant = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    let uuid = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        version >> 32,
        (version >> 16) & 0xffff,
        version & 0xffff,
        variant >> 48,
        variant & 0xffff_ffff_ffff
    );
    let mut instances = snapshot.parts().flat_map(|part| part.instances.iter().map(move |it| (part, it)));
    let (Some((part, instance)), None) = (instances.next(), instances.next()) else { return uuid };
    let labels = part.catalog.constant_labels.iter().zip(&instance.constants);
    let values = labels.filter_map(|(label, value)| Some(label_text(label, *value)?.to_string()));
    values.chain([uuid]).collect::<Vec<_>>().join("-")
}

/// When this process began, as the system knows it; else now.
pub(super) fn start_of_process() -> SystemTime {
    let now = SystemTime::now();
    age_of_process().and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

/// Linux tells when a process began, in hundredths of a second since the machine did.
fn age_of_process() -> Option<Duration> {
    let began = began(&std::fs::read("/proc/self/stat").ok()?)?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(uptime - began / 100.0).ok()
}

/// The 22nd word of `stat`. The second is the program's name in parentheses, and may hold anything: parentheses, spaces,
/// line feeds, bytes that are no text.
fn began(stat: &[u8]) -> Option<f64> {
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(name_ends + 1..)?).ok()?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests;

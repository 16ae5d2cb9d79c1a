//! The specification's translation of OTLP to Prometheus, written down again: names come out as the catalog's.

use vsr_metrics::descriptor::{Descriptor, Instrument};
use vsr_metrics::{Metrics, PeerId, StandbyId, Status, health};

use super::receiver::{Receiver, ok};
use super::{config, replica, started};

/// How a translator decides that a name has its unit already.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// A word of the name is the unit.
    Contains,
    /// The name ends in the unit.
    EndsWith,
}

/// UCUM codes as Prometheus spells them.
const UNITS: [(&str, &str); 13] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("Hz", "hertz"),
    ("%", "percent"),
    ("1", ""),
];
const RATES: [(&str, &str); 3] = [("s", "second"), ("m", "minute"), ("h", "hour")];

/// The name that a translator gives a metric.
fn translated(name: &str, unit: &str, instrument: &Instrument, rule: Rule) -> String {
    let is_counter = matches!(instrument, Instrument::Counter);
    let is_gauge = matches!(instrument, Instrument::Gauge(_));
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == ':' { c } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    let mut words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    if is_counter {
        words.retain(|word| *word != "total");
    }
    let (main, rate) = unit.split_once('/').unwrap_or((unit, ""));
    let spelled = |code: &str, table: &[(&str, &str)]| {
        let code = code.trim();
        // A remark in braces is no unit.
        if code.is_empty() || code.contains('{') {
            return String::new();
        }
        let known = table.iter().find(|(known, _)| *known == code);
        known.map_or(code, |(_, spelled)| spelled).replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    };
    let main = spelled(main, &UNITS);
    let rate = Some(spelled(rate, &RATES)).filter(|rate| !rate.is_empty()).map(|rate| format!("per_{rate}"));
    let mut name = words.join("_");
    let has = |name: &str, part: &str| match rule {
        Rule::Contains => name.split('_').any(|word| word == part),
        Rule::EndsWith => name.ends_with(part),
    };
    for part in [Some(main), rate].into_iter().flatten().filter(|part| !part.is_empty()) {
        if !has(&name, &part) {
            name = format!("{name}_{part}");
        }
    }
    if unit == "1" && is_gauge && !name.ends_with("ratio") {
        name += "_ratio";
    }
    if is_counter { name + "_total" } else { name }
}

fn families() -> impl Iterator<Item = &'static Descriptor> {
    Metrics::DESCRIPTORS.iter().chain(health::Metrics::DESCRIPTORS)
}

#[test]
fn the_oracle_translates_as_the_specification_says() {
    let counter = Instrument::Counter;
    let gauge = Instrument::Gauge(vsr_metrics::descriptor::GaugeKind::F64);
    for rule in [Rule::Contains, Rule::EndsWith] {
        for (name, unit, instrument, expected) in [
            ("vsr_prepare_latency_ms", "ms", &gauge, "vsr_prepare_latency_ms_milliseconds"),
            ("system.filesystem.usage", "By", &gauge, "system_filesystem_usage_bytes"),
            ("system.network.dropped", "{packets}", &gauge, "system_network_dropped"),
            ("system.network.dropped", "packets", &gauge, "system_network_dropped_packets"),
            ("system.memory.utilization", "1", &gauge, "system_memory_utilization_ratio"),
            ("requests", "", &counter, "requests_total"),
            ("requests_total", "", &counter, "requests_total"),
            ("astro.light.speed_limit", "m/s", &gauge, "astro_light_speed_limit_m_per_second"),
            ("disk.io", "By", &counter, "disk_io_bytes_total"),
        ] {
            assert_eq!(translated(name, unit, instrument, rule), expected, "{rule:?}");
        }
    }
}

#[test]
fn the_names_of_both_catalogs_come_out_as_they_are() {
    let collector = Receiver::start(|_, _| ok());
    let metrics = replica(0);
    metrics.increment_operations(Status::Success);
    set_gauges(metrics);
    let exporter = started(config(&collector.url()), metrics);
    // The exporter's own gauges are set by the first export.
    exporter.export_metrics().expect("it is taken");
    exporter.export_metrics().expect("it is taken");
    let received = collector.received().remove(1);
    for family in families() {
        let Some(metric) = received.metric(family.name) else {
            // The gauges of exporters that don't run here.
            let is_other =
                matches!(family.instrument, Instrument::Gauge(_)) && family.name.starts_with("vsr_metrics_");
            assert!(family.unit.is_empty() || is_other, "{} is not seen", family.name);
            continue;
        };
        for rule in [Rule::Contains, Rule::EndsWith] {
            assert_eq!(
                translated(&metric.name, &metric.unit, &family.instrument, rule),
                family.name,
                "{rule:?}"
            );
        }
        assert_eq!(metric.description, family.help);
        assert_eq!(metric.unit.is_empty(), family.unit.is_empty(), "{}", family.name);
    }
}

/// Gauges that were never set are not told: these are those with a unit.
fn set_gauges(metrics: &Metrics) {
    metrics.set_log_size(1);
    metrics.set_replica_lag(1);
    metrics.set_memory_used(1);
    metrics.set_network_bandwidth(1.0);
    metrics.set_disk_iops(1.0);
    metrics.set_disk_bandwidth(1.0);
    metrics.set_cpu_utilization(1.0);
    metrics.set_disk_free(1);
    metrics.set_clock_offset(-1.0);
    metrics.set_scrub_throughput(1.0);
    metrics.set_repair_ewma_latency(PeerId::new(1).unwrap(), 1.0);
    metrics.set_standby_lag(StandbyId::new(1).unwrap(), 1);
    // Series of numbers are not told until they are recorded.
    metrics.add_peer_sent(PeerId::new(1).unwrap(), 1);
    metrics.add_peer_received(PeerId::new(1).unwrap(), 1);
}

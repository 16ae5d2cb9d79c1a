//! Who tells, in every combination of what is known.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::*;
use crate::Source;

mod app {
    crate::catalog!(
        source = r"
        catalog: { name: app, prefix: app_, version: 1.0.0, constant_labels: [shard] }
        labels: { shard: { range: [0, 9], help: Number of the shard. } }
        metrics:
          app_jobs_total: { type: counter, group: jobs, help: Jobs. }
    "
    );
}

fn attribute_of(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => panic!("{other:?} is no text"),
    }
}

fn shard(number: u32) -> app::Metrics {
    app::Metrics::new(app::ShardId::new(number).unwrap())
}

#[test]
fn two_processes_of_one_service_are_two_instances() {
    let snapshot = shard(3).snapshot();
    let instance =
        || attribute_of(&attributes(&OtelConfig::built_in(), &snapshot), "service.instance.id").unwrap();
    let (one, other) = (instance(), instance());
    assert_ne!(one, other);
    let uuid = one.strip_prefix("3-").expect("the only instance is named first");
    let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    assert_eq!(&uuid[14..15], "4");
    assert!("89ab".contains(&uuid[19..20]), "{uuid}");
}

#[test]
fn of_several_instances_none_names_the_process() {
    let snapshot = vec![shard(3), shard(4)].snapshot();
    let attributes = attributes(&OtelConfig::built_in(), &snapshot);
    assert_eq!(attribute_of(&attributes, "service.instance.id").unwrap().len(), 36);
}

#[test]
fn fields_win_over_further_attributes_and_empty_ones_are_left_out() {
    let config = OtelConfig {
        service_name: "db".to_owned(),
        service_instance_id: Some("i".to_owned()),
        resource: [("service.name", "other"), ("zone", "a"), ("zone", "b"), ("none", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..OtelConfig::built_in()
    };
    let attributes = attributes(&config, &Snapshot::new());
    let texts =
        ["service.name", "service.instance.id", "zone", "service.version", "none", "telemetry.sdk.language"]
            .map(|key| attribute_of(&attributes, key));
    assert_eq!(
        texts,
        [Some("db"), Some("i"), Some("b"), None, None, Some("rust")].map(|text| text.map(str::to_owned))
    );
    let mut keys: Vec<_> = attributes.iter().map(|attribute| &attribute.key).collect();
    keys.sort_unstable();
    let known = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), known, "no attribute stands twice");
}

#[test]
fn the_process_began_before_now() {
    let start = start_of_process();
    assert!(start <= SystemTime::now());
    assert!(start.elapsed().unwrap() < Duration::from_secs(3_600), "{start:?}");
}

#[test]
fn a_program_may_have_any_name() {
    let rest = " S 1 2 2 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 4 0 8675 1 2 3";
    for name in [
        "a.out",
        ") (",
        "a b) 1 2 3 (",
        "two\nlines",
        ")))",
        "",
        ") S 1 2 2 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 4 0 1",
    ] {
        assert_eq!(began(format!("4711 ({name}){rest}").as_bytes()), Some(8675.0), "{name}");
    }
    let not_text = [b"4711 (\xff\xfe)", rest.as_bytes()].concat();
    assert_eq!(began(&not_text), Some(8675.0));
    for text in ["", "4711 (a.out", "4711 (a.out) S 1 2", ") x x x x x x x x x x x x x x x x x x x x x x"] {
        assert_eq!(began(text.as_bytes()), None, "{text}");
    }
}

//! The files to deploy from are YAML, say what the catalog says, and name nothing that is not there.
#![cfg(feature = "render")]

use std::path::Path;

use serde_yaml::Value;
use vsr_metrics_codegen::render::render;

/// The files below `deploy/` of this repository's catalog, by name.
fn files() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../metrics.yaml");
    let files = render(&vsr_metrics_catalog::load(&path).catalog).into_iter();
    files.filter_map(|file| Some((file.path.strip_prefix("deploy/")?.to_owned(), file.contents))).collect()
}

fn yaml(name: &str) -> Value {
    let (_, text) = files().into_iter().find(|(known, _)| known == name).expect("a renderer makes this file");
    serde_yaml::from_str(&text).expect("the file is YAML")
}

#[test]
fn every_file_is_yaml_without_marks() {
    let files = files();
    assert!(files.len() >= 9, "{} files", files.len());
    for (name, text) in files {
        assert!(!text.contains('@') || text.contains("@type"), "a mark is left in {name}");
        if name != "README.md" {
            let parsed: Result<Value, _> = serde_yaml::from_str(&text);
            assert!(parsed.is_ok_and(|value| value.is_mapping()), "{name}");
        }
    }
}

#[test]
fn every_file_is_listed() {
    let files = files();
    let readme = &files.iter().find(|(name, _)| name == "README.md").expect("a list").1;
    for (name, _) in files.iter().filter(|(name, _)| name != "README.md") {
        assert!(readme.contains(&format!("[{name}]({name})")), "{name} is not listed");
    }
    let linked = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in linked.filter(|link| !link.starts_with("..")) {
        assert!(files.iter().any(|(name, _)| name == link), "{link} is listed and not there");
    }
}

#[test]
fn jobs_and_intervals_are_the_catalogs() {
    for name in ["prometheus.yml", "remote-write.yml", "vmagent.yml"] {
        let config = yaml(name);
        assert_eq!(config["global"]["scrape_interval"], "15s", "{name}");
        assert_eq!(config["scrape_configs"][0]["job_name"], "vsr", "{name}");
    }
    assert_eq!(yaml("servicemonitor.yml")["spec"]["endpoints"][0]["interval"], "15s");
    assert_eq!(yaml("grafana-datasources.yml")["datasources"][0]["jsonData"]["timeInterval"], "15s");
}

/// Rules aggregate over instances alone: whatever else differs between processes would make a cluster of each.
#[test]
fn nothing_but_its_instance_tells_a_process_from_its_peers() {
    let relabelings = &yaml("servicemonitor.yml")["spec"]["endpoints"][0]["relabelings"];
    let dropped = relabelings.as_sequence().into_iter().flatten();
    let dropped: Vec<&str> = dropped
        .filter(|one| one["action"] == "labeldrop")
        .flat_map(|one| one["regex"].as_str().unwrap_or_default().split('|'))
        .collect();
    for label in ["pod", "container", "node"] {
        assert!(dropped.contains(&label), "`{label}` is kept: {dropped:?}");
    }
    let remote_write = &yaml("otel-collector.yml")["exporters"]["prometheusremotewrite"];
    assert_eq!(remote_write["resource_to_telemetry_conversion"]["enabled"], false);
}

/// What `otelcol validate` would say first.
#[test]
fn pipelines_of_the_collector_name_what_is_declared() {
    let config = yaml("otel-collector.yml");
    let pipelines = config["service"]["pipelines"].as_mapping().expect("pipelines");
    let mut used = std::collections::BTreeSet::new();
    for (_, pipeline) in pipelines {
        for kind in ["receivers", "processors", "exporters"] {
            for name in pipeline[kind].as_sequence().expect("a list") {
                let name = name.as_str().expect("a name");
                assert!(!config[kind][name].is_null(), "{kind} {name} is not declared");
                used.insert((kind, name.to_owned()));
            }
        }
    }
    for kind in ["receivers", "processors", "exporters"] {
        for (name, _) in config[kind].as_mapping().expect("a map") {
            let name = name.as_str().expect("a name").to_owned();
            assert!(used.contains(&(kind, name.clone())), "{kind} {name} is in no pipeline");
        }
    }
}

/// The operator's object holds the rules of the files, all of them and unchanged.
#[test]
fn rule_object_holds_every_group() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../metrics.yaml");
    let files = render(&vsr_metrics_catalog::load(&path).catalog);
    let rules = files.iter().filter(|file| {
        file.path.starts_with("alerts/")
            && !file.path.contains("/tests/")
            && file.contents.contains("\ngroups:\n")
    });
    let mut expected = Vec::new();
    for file in rules {
        let parsed: Value = serde_yaml::from_str(&file.contents).expect("rules are YAML");
        expected.extend(parsed["groups"].as_sequence().expect("groups").clone());
    }
    assert!(expected.len() > 5, "{} groups", expected.len());
    assert_eq!(yaml("prometheusrule.yml")["spec"]["groups"].as_sequence(), Some(&expected));
}

/// Every severity of the rules has somebody who hears of it.
#[test]
fn every_severity_has_a_receiver() {
    let config = yaml("alertmanager.yml");
    let receivers: Vec<&str> = config["receivers"]
        .as_sequence()
        .expect("receivers")
        .iter()
        .filter_map(|receiver| receiver["name"].as_str())
        .collect();
    let routes = config["route"]["routes"].as_sequence().expect("routes");
    let to = |severity: &str| {
        let matcher = format!("severity=\"{severity}\"");
        let route = routes.iter().find(|route| route["matchers"][0] == matcher.as_str());
        route.map_or(&config["route"]["receiver"], |route| &route["receiver"]).as_str()
    };
    for (severity, receiver) in [("critical", "pager"), ("warning", "tickets"), ("info", "chat")] {
        assert_eq!(to(severity), Some(receiver));
        assert!(receivers.contains(&receiver), "{receiver}");
    }
}

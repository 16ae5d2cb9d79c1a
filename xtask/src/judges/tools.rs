//! Fetches the judges' programs into the build directory, or finds them on the path.
//!
//! Nothing is installed and no daemon is started: a package is downloaded and unpacked below `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::test::output_of;
use crate::workspace;

/// The reference parsers, pinned so that a new release cannot change the verdict.
const PYTHON_PARSERS: &str = "prometheus-client==0.26.0";

/// A validator of JSON Schema, with a reader of YAML.
const SCHEMA_VALIDATOR: &str = "check-jsonschema==0.39.0";

/// Grafana's library of dashboards, of the release that boards are written for.
const GRAFANA_LIBRARY: &str = "grafana-foundation-sdk==1769699379!11.6.0";

/// The types that Grafana publishes with the same release, and the compiler that reads them.
const GRAFANA_TYPES: [(&str, &str); 2] = [("@grafana/schema", "11.6.0"), ("typescript", "5.9.3")];

/// A collector of OTLP whose Python package carries the program.
const COLLECTOR: &str = "rotel==0.0.1a15";

/// The original receiver of StatsD.
const STATSD: (&str, &str) = ("statsd", "0.9.0");

/// Prometheus itself.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn prometheus() -> Result<PathBuf, String> {
    debian("prometheus", "prometheus")
}

/// Prometheus' tool that checks expositions and rules.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn promtool() -> Result<PathBuf, String> {
    debian("prometheus", "promtool")
}

/// The scraper of `VictoriaMetrics`.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn vmagent() -> Result<PathBuf, String> {
    debian("victoria-metrics", "vmagent")
}

/// Alertmanager's tool that checks routes.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn amtool() -> Result<PathBuf, String> {
    debian("prometheus-alertmanager", "amtool")
}

/// The program that evaluates rules for `VictoriaMetrics`.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn vmalert() -> Result<PathBuf, String> {
    debian("victoria-metrics", "vmalert")
}

/// A Python that can import the reference parsers.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn python() -> Result<PathBuf, String> {
    python_with("python", PYTHON_PARSERS, "prometheus_client.openmetrics.parser")
}

/// A Python that can validate YAML with a JSON Schema.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn schema_python() -> Result<PathBuf, String> {
    python_with("schema-python", SCHEMA_VALIDATOR, "jsonschema, ruamel.yaml")
}

/// A Python that can import Grafana's library of dashboards.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn grafana_python() -> Result<PathBuf, String> {
    python_with("grafana-python", GRAFANA_LIBRARY, "grafana_foundation_sdk.models.dashboard")
}

/// A collector that receives OTLP.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn rotel() -> Result<PathBuf, String> {
    let python = python_with("rotel", COLLECTOR, "rotel")?;
    let place = "import os, rotel; print(os.path.join(os.path.dirname(rotel.__file__), 'rotel-agent'))";
    let program = PathBuf::from(output_of(Command::new(python).args(["-c", place]))?.trim());
    // It is linked with Python's library, which a machine can have Python without.
    let remedy = || "needs Python's library; on Debian, `apt-get install libpython3-dev`".to_owned();
    if starts(&program) { Ok(program) } else { Err(remedy()) }
}

/// A directory whose `node_modules` hold the compiler of TypeScript and Grafana's types.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn grafana_types() -> Result<PathBuf, String> {
    npm("grafana-types", &GRAFANA_TYPES)
}

/// A directory whose `node_modules` hold pinned packages.
fn npm(name: &str, packages: &[(&str, &str)]) -> Result<PathBuf, String> {
    let place = directory(name);
    let has_all = || packages.iter().all(|(name, _)| place.join("node_modules").join(name).is_dir());
    if !has_all() {
        fs::create_dir_all(&place).map_err(|error| error.to_string())?;
        let packages = packages.iter().map(|(name, version)| format!("{name}@{version}"));
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--ignore-scripts",
            "--omit=optional",
            "--prefix",
        ]);
        npm.arg(&place).args(packages);
        // Whether it worked is seen by what it was for.
        let _ = output_of(&mut npm);
    }
    if has_all() {
        Ok(place)
    } else {
        Err("needs npm, from Node.js; on Debian, `apt-get install npm`".into())
    }
}

/// The program of the original receiver of `StatsD`, for Node.js.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn statsd() -> Result<PathBuf, String> {
    let place = npm("statsd", &[STATSD])?;
    Ok(place.join("node_modules/statsd/stats.js"))
}

/// The directory that the package of `collectd` was unpacked into: the program finds its plugins below it.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn collectd() -> Result<PathBuf, String> {
    let root = directory("collectd-core");
    let program = root.join("usr/sbin/collectd");
    if !program.is_file() {
        // Whether it worked is seen by what it was for.
        let _ = unpack("collectd-core");
    }
    if output_of(Command::new(&program).arg("-h")).is_ok() {
        Ok(root)
    } else {
        Err("needs Debian's package `collectd-core`, which `apt-get download` brings".into())
    }
}

/// What counts instructions, to be given its arguments.
///
/// # Errors
/// If it is not to be had here; the text says how to get it.
pub fn valgrind() -> Result<Command, String> {
    if starts(Path::new("valgrind")) {
        return Ok(Command::new("valgrind"));
    }
    // What lies at the name itself, in the package, is a script that starts the program of an installed one.
    let root = directory("valgrind");
    let (program, tools) = (root.join("usr/bin/valgrind.bin"), root.join("usr/libexec/valgrind"));
    if !program.is_file() {
        // Whether it worked is seen by what it was for.
        let _ = unpack("valgrind");
    }
    let command = || {
        let mut command = Command::new(&program);
        command.env("VALGRIND_LIB", &tools);
        command
    };
    if output_of(command().arg("--version")).is_ok() {
        Ok(command())
    } else {
        Err("needs `valgrind` on the path; on Debian, `apt-get install valgrind`".into())
    }
}

/// A Python of its own environment with a pinned package, or else the machine's, if that can import the module.
fn python_with(environment: &str, package: &str, module: &str) -> Result<PathBuf, String> {
    let environment = directory(environment);
    let python = environment.join("bin/python");
    let imports =
        |python: &PathBuf| output_of(Command::new(python).args(["-c", &format!("import {module}")])).is_ok();
    if !imports(&python) {
        // Whether it worked is seen by what it was for.
        let _ = output_of(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment));
        let _ = output_of(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]));
    }
    let found = [python, "python3".into()].into_iter().find(imports);
    found.ok_or_else(|| format!("needs python3 with venv and pip, or `pip install {package}`"))
}

/// A program of a Debian package, or else one of that name on the path.
fn debian(package: &str, program: &str) -> Result<PathBuf, String> {
    let unpacked = directory(package).join("usr/bin").join(program);
    if !unpacked.is_file() {
        // Without apt, or without its servers, the path is next.
        let _ = unpack(package);
    }
    let candidates = [unpacked, program.into()];
    let found = candidates.into_iter().find(|program| starts(program));
    found.ok_or_else(|| format!("needs `{program}` on the path; on Debian, `apt-get install {package}`"))
}

/// Downloads and unpacks a Debian package.
fn unpack(package: &str) -> Result<(), String> {
    let download = directory("packages").join(package);
    fs::create_dir_all(&download).map_err(|error| error.to_string())?;
    let fetch = || output_of(Command::new("apt-get").args(["download", package]).current_dir(&download));
    if fetch().is_err() {
        // The lists of a fresh machine are empty; updating them takes the rights to.
        output_of(Command::new("apt-get").arg("update"))?;
        fetch()?;
    }
    let files = fs::read_dir(&download).map_err(|error| error.to_string())?;
    for file in files.flatten().filter(|file| file.path().extension().is_some_and(|kind| kind == "deb")) {
        output_of(Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(directory(package)))?;
    }
    Ok(())
}

/// Whether a program of Prometheus can be started at all.
fn starts(program: &Path) -> bool {
    output_of(Command::new(program).arg("--version")).is_ok()
}

/// Where a tool lies.
fn directory(name: &str) -> PathBuf {
    workspace::target().join("tools").join(name)
}

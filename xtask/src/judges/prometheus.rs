//! A real Prometheus that scrapes some addresses every second and evaluates the generated rules, with a data directory
//! of its own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::rules::rules;

/// How long it may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How large an answer may be: all samples of a minute are a few megabytes.
const ANSWER_LIMIT: u64 = 200 << 20;

/// A running Prometheus; it ends with this value.
pub struct Prometheus {
    child: Child,
    address: String,
}

/// One sample of an answer.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its labels.
    pub labels: Value,
    /// Its value.
    pub value: f64,
}

/// What Prometheus says about one rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name; several alerting rules may share one.
    pub name: String,
    /// `ok`, `err`, or `unknown` before the first evaluation.
    pub health: String,
    /// Why it failed, empty if it did not.
    pub error: String,
    /// `inactive`, `pending` or `firing`; empty for a recording rule.
    pub state: String,
}

impl Prometheus {
    /// Starts it on a free port, to scrape the targets, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not start, with where its log is.
    pub fn start(program: &Path, directory: &Path, targets: &[&str]) -> Result<Self, String> {
        let explain = |error: std::io::Error| format!("`{}`: {error}", directory.display());
        let config = directory.join("prometheus.yml");
        fs::write(&config, configuration(targets, &rules()?)).map_err(explain)?;
        let log = File::create(directory.join("prometheus.log")).map_err(explain)?;
        let address = free_address().map_err(explain)?;
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
        let prometheus = Self { child, address };
        let begin = Instant::now();
        while ureq::get(format!("http://{}/-/ready", prometheus.address)).call().is_err() {
            if begin.elapsed() > START_LIMIT {
                return Err(format!(
                    "Prometheus is not ready: see `prometheus.log` in `{}`",
                    directory.display()
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(prometheus)
    }

    /// The answer to an instant query.
    ///
    /// # Errors
    /// If Prometheus refuses the query, or cannot be reached.
    pub fn query(&self, expression: &str) -> Result<Vec<Sample>, String> {
        match self.ask("query", expression, &[])? {
            Value::Array(samples) if samples.iter().all(|sample| sample["value"].is_array()) => {
                Ok(samples.iter().map(Sample::read).collect())
            }
            _ => Err(format!("`{expression}`: no vector")),
        }
    }

    /// The time of the latest scrape, in seconds since 1970.
    ///
    /// # Errors
    /// If there was none, or Prometheus cannot be reached.
    pub fn last_scrape(&self) -> Result<f64, String> {
        self.value("max(timestamp(up))")?.ok_or_else(|| "nothing was scraped".to_owned())
    }

    /// What the interface answers to a query of one of its kinds, `query` or `query_range`.
    ///
    /// # Errors
    /// If Prometheus refuses the query, or cannot be reached.
    pub fn ask(&self, kind: &str, expression: &str, times: &[(&str, f64)]) -> Result<Value, String> {
        let fail = |error: &dyn std::fmt::Display| format!("`{expression}`: {error}");
        let mut request =
            ureq::get(format!("http://{}/api/v1/{kind}", self.address)).query("query", expression);
        for (name, time) in times {
            request = request.query(*name, format!("{time:.3}"));
        }
        let mut answer = request.call().map_err(|error| fail(&error))?;
        let body = answer.body_mut().with_config().limit(ANSWER_LIMIT).read_to_string();
        let body: Value =
            serde_json::from_str(&body.map_err(|error| fail(&error))?).map_err(|error| fail(&error))?;
        Ok(body["data"]["result"].clone())
    }

    /// What it says about each rule, once all of them have been evaluated.
    ///
    /// # Errors
    /// If a rule is not evaluated within some seconds, or Prometheus cannot be reached.
    pub fn rules(&self) -> Result<Vec<Rule>, String> {
        let begin = Instant::now();
        loop {
            let body = ureq::get(format!("http://{}/api/v1/rules", self.address))
                .call()
                .and_then(|mut answer| answer.body_mut().with_config().limit(ANSWER_LIMIT).read_to_string());
            let body: Value = serde_json::from_str(&body.map_err(|error| format!("the rules: {error}"))?)
                .map_err(|error| format!("the rules: {error}"))?;
            let groups = body["data"]["groups"].as_array().into_iter().flatten();
            let rules: Vec<Rule> = groups
                .flat_map(|group| group["rules"].as_array().into_iter().flatten())
                .map(Rule::read)
                .collect();
            match rules.iter().find(|rule| rule.health == "unknown") {
                None => return Ok(rules),
                Some(rule) if begin.elapsed() > START_LIMIT => {
                    return Err(format!("`{}` was never evaluated", rule.name));
                }
                Some(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// The value of a query with a single sample; `None` without a sample.
    ///
    /// # Errors
    /// If Prometheus refuses the query, or cannot be reached.
    pub fn value(&self, expression: &str) -> Result<Option<f64>, String> {
        Ok(self.query(expression)?.first().map(|sample| sample.value))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail only for a child that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sample {
    /// Reads a sample of an instant vector. A value is a string there, so that `NaN` and `+Inf` can be told.
    fn read(sample: &Value) -> Self {
        let value = sample["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        Self { labels: sample["metric"].clone(), value }
    }
}

impl Rule {
    fn read(rule: &Value) -> Self {
        let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
        Self { name: text("name"), health: text("health"), error: text("lastError"), state: text("state") }
    }
}

/// What is wrong with rules that a running Prometheus evaluates: one that fails, and too few of them.
#[must_use]
pub fn unhealthy(rules: &[Rule], declared: usize) -> Vec<String> {
    let mut findings: Vec<String> = rules
        .iter()
        .filter(|rule| rule.health != "ok" || !rule.error.is_empty())
        .map(|rule| format!("rule `{}` is `{}`: {}", rule.name, rule.health, rule.error))
        .collect();
    if rules.len() != declared {
        findings.push(format!("{} rules are evaluated, the files hold {declared}", rules.len()));
    }
    findings
}

/// One job, every second, and all rules every other one.
fn configuration(targets: &[&str], rules: &[PathBuf]) -> String {
    let targets = targets.join("', '");
    let rules: Vec<String> = rules.iter().map(|file| format!("'{}'", file.display())).collect();
    let rules = rules.join(", ");
    format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 2s }}\n\
         rule_files: [{rules}]\n\
         scrape_configs:\n  - job_name: demo\n    static_configs: [{{ targets: ['{targets}'] }}]\n"
    )
}

/// An address on loopback that was free a moment ago.
fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(health: &str, error: &str) -> Rule {
        Rule { name: "VsrX".into(), health: health.into(), error: error.into(), state: String::new() }
    }

    #[test]
    fn failing_and_missing_rules_are_found() {
        assert_eq!(unhealthy(&[rule("ok", ""), rule("ok", "")], 2), [""; 0]);
        assert_eq!(
            unhealthy(&[rule("ok", ""), rule("err", "many-to-many matching not allowed")], 2).len(),
            1
        );
        assert_eq!(unhealthy(&[rule("ok", "")], 2), ["1 rules are evaluated, the files hold 2"]);
    }
}

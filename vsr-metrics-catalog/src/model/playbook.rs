//! What the incident commander follows, and what was observed to happen under each fault.

use std::time::Duration;

use super::Step;

/// How an incident is led.
#[derive(Clone, Debug, Default)]
pub struct Playbook {
    /// Each kind of incident, with who responds and how soon.
    pub severities: Vec<(String, String)>,
    /// Each role with its duties.
    pub roles: Vec<(String, String)>,
    /// What is done first, with exact queries.
    pub first_minutes: Vec<Step>,
    /// What comes before what.
    pub triage: Vec<String>,
    /// From what is seen to the section of the runbook.
    pub symptoms: Vec<Symptom>,
    /// Who is told what, and how often.
    pub communication: Vec<String>,
    /// When the incident is over.
    pub over_when: Vec<String>,
    /// What happens afterwards.
    pub review: Vec<String>,
}

/// What somebody sees, and where to go on.
#[derive(Clone, Debug)]
pub struct Symptom {
    /// What is seen.
    pub seen: String,
    /// A query that tells whether it is so.
    pub query: Option<String>,
    /// Names of the alerts whose runbook sections help, the likeliest first.
    pub alerts: Vec<String>,
}

/// What alerts did under the faults that were tried: the matrix that the playbook shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The faults, in the order in which they were tried.
    pub faults: Vec<Fault>,
    /// Alerts that no fault made fire, each with the reason.
    pub untried: Vec<(String, String)>,
}

/// What alerts did when a fault was tried: a row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A short name.
    pub name: String,
    /// What was done to the cluster, in a sentence.
    pub about: String,
    /// How long it lasted; nothing if nothing was done.
    pub lasted: Option<Duration>,
    /// Which alerts fired, in the order of firing.
    pub fired: Vec<Firing>,
}

/// When an alert fired, from the beginning of the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Its name.
    pub alert: String,
    /// The replicas that its labels named; none if it is about the whole cluster.
    pub replicas: Vec<u64>,
    /// When it began to fire.
    pub from: Duration,
    /// When it was quiet again.
    pub to: Duration,
    /// How often it began to fire with the same labels.
    pub times: u64,
}

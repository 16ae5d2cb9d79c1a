//! What the incident commander follows, and what was observed to happen under each fault.

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

/// What alerts did when a fault was tried: a row of the matrix that the playbook shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was done to the cluster.
    pub name: String,
    /// Which alerts fired, and after how long, in the order of firing.
    pub fired: Vec<(String, std::time::Duration)>,
    /// How long after the end of the fault the last of them cleared.
    pub cleared: Option<std::time::Duration>,
}

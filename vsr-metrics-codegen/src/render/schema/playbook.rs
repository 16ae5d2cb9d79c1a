//! The schema of the playbook.

use serde_json::{Value, json};

use super::{PASCAL, filled_list, list, object, pattern, reference, sentence, text};

/// Its parts, each of them required.
pub(super) fn playbook() -> Value {
    let texts = |help: &str| filled_list(list(sentence(), help));
    let named = |help: &str| {
        json!({
            "type": "object", "minProperties": 1, "additionalProperties": { "type": "string" }, "description": help
        })
    };
    let symptom = object(
        &[
            ("seen", sentence()),
            ("query", text("PromQL that tells whether it is so.")),
            (
                "alerts",
                filled_list(list(pattern(PASCAL, "An alert."), "Whose sections of the runbook help.")),
            ),
        ],
        &["seen", "alerts"],
        "What somebody sees, and where to go on.",
    );
    let keys = [
        ("severities", named("Kinds of incidents: who responds, and how soon.")),
        ("roles", named("Roles with their duties.")),
        ("first_minutes", filled_list(list(reference("step"), "What is done first."))),
        ("triage", texts("What comes before what.")),
        ("symptoms", filled_list(list(symptom, "From what is seen to the runbook."))),
        ("communication", texts("Who is told what, and how often.")),
        ("over_when", texts("When the incident is over.")),
        ("review", texts("What happens afterwards.")),
    ];
    let required: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    object(&keys, &required, "What an incident commander follows.")
}

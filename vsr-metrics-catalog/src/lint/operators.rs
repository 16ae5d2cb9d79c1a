//! Names of objectives.

use super::{Findings, Subject};
use crate::diagnostic::Diagnostic;
use crate::names;

pub(super) fn slo_name(subject: &Subject<'_>, findings: &mut Findings) {
    for slo in subject.catalog.slos.iter().filter(|slo| !names::is_snake(&slo.name)) {
        let message = format!("`{}` is not the name of an objective", slo.name);
        let finding = Diagnostic::error("slo-name", slo.span, message);
        findings.push(finding.help(names::snake_remedy(&slo.name)));
    }
}

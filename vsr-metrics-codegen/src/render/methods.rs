//! Every family with its generated methods, in one table: the naming rule at work.

use vsr_metrics_catalog::model::Catalog;

use super::markdown::{code, head, row};
use super::{GeneratedFile, file, origin};
use crate::expand::methods::signatures;

const RULE: &str = "\
Method names follow from exported names by one rule, without exceptions: drop the catalog's prefix, then
`_total`, then the suffix that spells the declared unit. The verb follows from the type.

";

pub(super) fn render(catalog: &Catalog) -> Vec<GeneratedFile> {
    let mut text = format!("<!-- {} -->\n\n# Methods of `{}`\n\n{RULE}", origin(catalog), catalog.name);
    text += &head(&["Metric", "Methods of `Metrics`"]);
    for family in &catalog.families {
        let methods: Vec<String> = signatures(catalog, family).iter().map(|method| code(method)).collect();
        let link = format!("[`{0}`](metrics.md#{0})", family.name);
        text += &row(&[link, methods.join("<br>")]);
    }
    file("methods.md", text)
}

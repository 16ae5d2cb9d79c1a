//! The catalog's own facts.

use super::Resolver;
use crate::names::is_snake;
use crate::spec::CatalogSpec;

impl Resolver<'_> {
    pub(super) fn header(&mut self, spec: &CatalogSpec) {
        let Some(entry) = &spec.header else { return };
        let header = &entry.spec;
        self.catalog.name.clone_from(&header.name);
        self.catalog.prefix.clone_from(&header.prefix);
        self.catalog.version.clone_from(&header.version);
        self.catalog.series_budget = header.series_budget;
        self.catalog.scrape_interval =
            self.positive_duration("catalog.scrape_interval", &header.scrape_interval);
        if let Some(runbook) = &header.links.runbook {
            self.catalog.links.runbook.clone_from(runbook);
        }
        self.catalog.links.dashboards.clone_from(&header.links.dashboards);
        let name_span = self.places.value("catalog.name");
        self.is_name("bad-catalog-name", name_span, "a catalog name", &header.name);
        if header.max_peers == Some(0) {
            let span = self.places.value("catalog.max_peers");
            self.error("bad-range", span, "a cluster of `0` peers has none", "write a number from 1 on");
        }
        let told = self.told();
        if !header.prefix.strip_suffix('_').is_some_and(is_snake) {
            let span = self.places.value("catalog.prefix");
            let message = format!("`{}` is not a prefix", header.prefix);
            self.error(
                "bad-prefix",
                span,
                message,
                "use lower-case words and an underscore at the end: `app_`",
            );
        }
        // Without a prefix, or a distance of scrapes, much cannot be judged.
        self.lost.header |= self.told() > told || self.catalog.scrape_interval.is_zero();
        let numbers = header.version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        if numbers != 3 || header.version.split('.').count() != 3 {
            let span = self.places.value("catalog.version");
            let message = format!("`{}` is not a version", header.version);
            self.error("bad-version", span, message, "write `major.minor.patch`");
        }
    }

    pub(super) fn constant_labels(&mut self, spec: &CatalogSpec) {
        if let Some(entry) = &spec.header {
            self.catalog.constant_labels =
                self.label_ids("catalog.constant_labels", &entry.spec.constant_labels);
        }
    }
}

//! Who looks at replicas from outside the protocol: samplers of their machines, and a scraper.

use super::{Event, SAMPLE_EVERY, Scrape, World};

impl World<'_> {
    /// Has every replica sample its machine.
    pub(super) fn sample(&mut self) {
        if let Some(hardware) = self.scenario.machine {
            self.nodes.iter_mut().for_each(|node| node.sample(self.now, &hardware));
            self.after(SAMPLE_EVERY, Event::Sample);
        }
    }

    /// Has somebody look at every replica's metrics.
    pub(super) fn scrape(&mut self) {
        let now = self.now;
        if let Some((every, look)) = &mut self.on_scrape {
            for node in &self.nodes {
                let (replica, metrics) = (node.index, &*node.metrics);
                let is_up = node.running.is_some() && node.is_scrapeable;
                look(&Scrape { at: now, replica, is_up, metrics });
            }
            let every = *every;
            if now + every <= self.scenario.length {
                self.after(every, Event::Scrape);
            }
        }
    }
}
